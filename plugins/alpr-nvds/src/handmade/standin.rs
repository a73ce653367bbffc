//! Libraries that stand in for NVIDIA's `libnvds_meta.so` and `libnvbufsurface.so`: built by the system's C compiler and
//! loaded under these names, so that what calls them finds them as it finds NVIDIA's in a process of DeepStream.

use std::ffi::c_void;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::{env, fs};

use libloading::Library;

const META: &str = include_str!("libnvds_meta.c");
const SURFACE: &str = include_str!("libnvbufsurface.c");

/// The name that NVIDIA's library for metadata has.
const NAME: &str = "libnvds_meta.so";

type Pointer = *mut c_void;

/// Its functions.
pub(super) struct StandIn {
    pub(super) create: unsafe extern "C" fn(u32, u32, u32) -> Pointer,
    pub(super) destroy: unsafe extern "C" fn(Pointer),
    pub(super) lock: unsafe extern "C" fn(Pointer),
    pub(super) unlock: unsafe extern "C" fn(Pointer),
    pub(super) new_frame: unsafe extern "C" fn(Pointer) -> Pointer,
    pub(super) new_object: unsafe extern "C" fn(Pointer) -> Pointer,
    pub(super) new_classifier: unsafe extern "C" fn(Pointer) -> Pointer,
    pub(super) new_label: unsafe extern "C" fn(Pointer) -> Pointer,
    pub(super) add_frame: unsafe extern "C" fn(Pointer, Pointer),
    pub(super) add_object: unsafe extern "C" fn(Pointer, Pointer, Pointer),
    pub(super) add_classifier: unsafe extern "C" fn(Pointer, Pointer),
    pub(super) add_label: unsafe extern "C" fn(Pointer, Pointer),
    library: Library,
}

static NAMED: Mutex<&str> = Mutex::new(NAME);

/// Loads it under another name, so that nothing finds it: as in a process without NVIDIA's library. To be called before
/// anything else here.
pub fn hide() {
    *NAMED.lock().unwrap_or_else(PoisonError::into_inner) = "libhidden.so";
}

/// From now on so many more elements can be taken from the pools of all batches.
pub fn leave(elements: i32) {
    counter(&StandIn::get().library, c"standin_left").store(elements, SeqCst);
}

/// Calls that changed a batch without its lock, and batches that were not freed.
pub fn faults() -> (i32, i32) {
    let library = &StandIn::get().library;
    (counter(library, c"standin_unlocked").load(SeqCst), counter(library, c"standin_batches").load(SeqCst))
}

/// The library for surfaces, built and loaded the first time. Tests that only read pictures of the CPU's have none.
pub fn surfaces() -> &'static Library {
    static LOADED: OnceLock<Library> = OnceLock::new();
    LOADED.get_or_init(|| load("libnvbufsurface.so", SURFACE))
}

/// From now on mapping (1), synchronising (2) or nothing (0) fails.
pub fn refuse(call: i32) {
    counter(surfaces(), c"standin_refuse").store(call, SeqCst);
}

/// Planes that are mapped, and calls about surfaces that were wrong.
pub fn mapped() -> (i32, i32) {
    (counter(surfaces(), c"standin_mapped").load(SeqCst), counter(surfaces(), c"standin_wrong").load(SeqCst))
}

fn counter(library: &'static Library, name: &std::ffi::CStr) -> &'static AtomicI32 {
    // SAFETY: the library has such numbers, and changes them as atomic ones; it is never unloaded.
    unsafe { AtomicI32::from_ptr(*library.get::<*mut i32>(name).unwrap_or_else(|err| panic!("{err}"))) }
}

impl StandIn {
    /// The library, built and loaded the first time.
    ///
    /// # Panics
    ///
    /// Where no C compiler is at hand.
    pub(super) fn get() -> &'static Self {
        static LOADED: OnceLock<StandIn> = OnceLock::new();
        LOADED.get_or_init(|| Self::of(load(*NAMED.lock().unwrap_or_else(PoisonError::into_inner), META)))
    }

    fn of(library: Library) -> Self {
        fn get<T: Copy>(library: &Library, name: &std::ffi::CStr) -> T {
            // SAFETY: the source beside this file defines all of them with these types.
            *unsafe { library.get::<T>(name) }.unwrap_or_else(|err| panic!("{err}"))
        }
        Self {
            create: get(&library, c"standin_create"),
            destroy: get(&library, c"standin_destroy"),
            lock: get(&library, c"nvds_acquire_meta_lock"),
            unlock: get(&library, c"nvds_release_meta_lock"),
            new_frame: get(&library, c"nvds_acquire_frame_meta_from_pool"),
            new_object: get(&library, c"nvds_acquire_obj_meta_from_pool"),
            new_classifier: get(&library, c"nvds_acquire_classifier_meta_from_pool"),
            new_label: get(&library, c"nvds_acquire_label_info_meta_from_pool"),
            add_frame: get(&library, c"nvds_add_frame_meta_to_batch"),
            add_object: get(&library, c"nvds_add_obj_meta_to_frame"),
            add_classifier: get(&library, c"nvds_add_classifier_meta_to_object"),
            add_label: get(&library, c"nvds_add_label_info_meta_to_classifier"),
            library,
        }
    }
}

/// Builds `source` and loads it as `name`.
fn load(name: &str, source: &str) -> Library {
    let folder = env::temp_dir().join(format!("alpr-nvds-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap_or_else(|err| panic!("{}: {err}", folder.display()));
    build(&folder, name, source);
    // SAFETY: it does nothing when it is loaded.
    let library = unsafe { Library::new(folder.join(name)) }.unwrap_or_else(|err| panic!("{err}"));
    fs::remove_dir_all(&folder).unwrap_or_else(|err| panic!("{}: {err}", folder.display()));
    library
}

/// Builds `code` as the library `folder`/`name`.
fn build(folder: &Path, name: &str, code: &str) {
    let source = folder.join("standin.c");
    fs::write(&source, code).unwrap_or_else(|err| panic!("{}: {err}", source.display()));
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut command = Command::new(&compiler);
    command.args(["-std=c11", "-g", "-shared", "-fPIC", "-Wall", "-Werror"]).arg(format!("-Wl,-soname,{name}"));
    command.arg("-o").arg(folder.join(name)).arg(&source);
    let status = command.status().unwrap_or_else(|err| panic!("{compiler}: {err}"));
    assert!(status.success(), "{compiler} does not build the stand-in: {status}");
}
