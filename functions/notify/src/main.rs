//! Wiring: `notify` on Lambda.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use michi::io::{Mailer, Trigger, aws, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let (app, sdk) = aws::start().await?;
    let mailer = Mailer::new(&sdk, &app.settings.configuration_set);
    let (app, mailer) = (&app, &mailer);
    run(service_fn(move |event: LambdaEvent<Trigger>| async move {
        notify::handle(app, mailer, event.payload).await.map_err(Error::from)
    }))
    .await
}
