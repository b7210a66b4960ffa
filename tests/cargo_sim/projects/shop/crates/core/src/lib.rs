pub struct Order(pub u64);
pub fn simulated() -> bool { tokio::SIMULATED }
pub fn patched() -> &'static str { itoa::WHO }
