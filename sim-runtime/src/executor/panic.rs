//! The panic hook: inside a run a panic is noted for the report instead of being printed at once.

use super::world::try_current;
use std::panic;
use std::sync::Once;

/// Installs the hook, once for the process. Panics outside of runs go to the hook that was there.
pub(crate) fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |information| match try_current() {
            Some(world) => {
                let message = information.payload_as_str().unwrap_or("a panic without a message").to_owned();
                let location = information.location().map_or_else(String::new, ToString::to_string);
                world.panic_seen(message, location);
                if world.is_ambient() {
                    before(information);
                }
            }
            None => before(information),
        }));
    });
}
