//! Wiring: `relay` on Lambda.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use michi::io::{Bus, Clock, Trigger, aws, telemetry};
use relay::Relay;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::start();
    let aws::Connected { settings, sdk, store } = aws::connect()?;
    let relay = Relay { store, clock: Clock::System, bus: Bus::new(&sdk, &settings.bus) };
    relay.warm().await?;
    let relay = &relay;
    run(service_fn(
        move |event: LambdaEvent<Trigger>| async move { relay::handle(relay, event.payload).await.map_err(Error::from) },
    ))
    .await
}
