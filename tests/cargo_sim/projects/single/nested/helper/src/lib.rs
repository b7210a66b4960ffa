pub fn simulated() -> bool { tokio::SIMULATED }
