//! Wiring: `step` on Lambda.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use michi::io::{Clock, Tick, aws, telemetry};
use step::Step;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws::Connected { store, .. } = aws::connect()?;
    let step = Step::new(store, Clock::System);
    step.warm().await;
    let step = &step;
    run(service_fn(move |event: LambdaEvent<Tick>| async move { step::handle(step, event.payload).await.map_err(Error::from) }))
        .await
}
