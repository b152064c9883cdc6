//! Wiring: `score` on Lambda.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use michi::io::{Trigger, aws, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let (app, _) = aws::start().await?;
    let app = &app;
    run(service_fn(
        move |event: LambdaEvent<Trigger>| async move { score::handle(app, event.payload).await.map_err(Error::from) },
    ))
    .await
}
