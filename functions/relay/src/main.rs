//! Wiring: `relay` on Lambda.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use michi::io::{Bus, Trigger, aws, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let (app, sdk) = aws::start().await?;
    let bus = Bus::new(&sdk, &app.settings.bus);
    let (app, bus) = (&app, &bus);
    run(service_fn(move |event: LambdaEvent<Trigger>| async move {
        relay::handle(app, bus, event.payload).await.map_err(Error::from)
    }))
    .await
}
