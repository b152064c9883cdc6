//! Wiring: `feedback` on Lambda.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use michi::io::{aws, telemetry};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let (app, _) = aws::start().await?;
    let app = &app;
    run(service_fn(
        move |event: LambdaEvent<Value>| async move { feedback::handle(app, event.payload).await.map_err(Error::from) },
    ))
    .await
}
