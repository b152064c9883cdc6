//! `track` on Lambda: the router behind the HTTP API.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    michi::io::telemetry::start();
    let (app, _) = michi::io::aws::start().await?;
    lambda_http::run(track::router(app)).await
}
