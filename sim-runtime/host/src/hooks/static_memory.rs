//! Which words belong to the whole process, and so to threads outside the run as well.

/// Whether an address lies in the writable static memory of the program or one of its libraries.
///
/// Looked up anew each time: only a contended lock asks.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn holds(address: usize) -> bool {
    struct Search {
        address: usize,
        found: bool,
    }
    unsafe extern "C" fn look(
        module: *mut libc::dl_phdr_info,
        size: libc::size_t,
        search: *mut libc::c_void,
    ) -> libc::c_int {
        // SAFETY: the loader calls this with a live description, and with the pointer given below.
        let (module, search) = unsafe { (&*module, &mut *search.cast::<Search>()) };
        if size < size_of::<libc::dl_phdr_info>() {
            return 0;
        }
        // SAFETY: the description says where its headers are and how many.
        let headers = unsafe { std::slice::from_raw_parts(module.dlpi_phdr, module.dlpi_phnum.into()) };
        let writable = headers
            .iter()
            .filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W != 0);
        for header in writable {
            let start = (module.dlpi_addr + header.p_vaddr) as usize;
            search.found |= (start..start + header.p_memsz as usize).contains(&search.address);
        }
        search.found.into()
    }
    let mut search = Search { address, found: false };
    // SAFETY: `look` matches the signature, and `search` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut search).cast()) };
    search.found
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn holds(_address: usize) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::holds;
    use std::sync::Mutex;

    static SHARED: Mutex<u64> = Mutex::new(0);

    #[test]
    fn statics_belong_to_the_process_and_nothing_else_does() {
        let boxed = Box::new(0_u64);
        let local = 0_u64;
        assert!(holds((&raw const SHARED) as usize));
        assert!(!holds((&raw const *boxed) as usize));
        assert!(!holds((&raw const local) as usize));
    }
}
