pub fn simulated() -> bool { tokio::SIMULATED }
pub fn same(order: core_of_shop::Order) -> core_of_shop::Order { order }
