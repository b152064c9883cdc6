//! Wires `answer` to Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    michi::io::telemetry::start();
    let (app, _) = michi::io::aws::start().await?;
    lambda_http::run(answer::router(app)).await
}
