pub fn order() -> core_of_shop::Order { core_of_shop::Order(1) }
