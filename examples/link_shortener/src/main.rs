//! The link shortener as a program; see `README.md`.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    link_shortener::run(link_shortener::Store::default()).await
}
