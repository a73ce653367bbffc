//! NVIDIA's libraries, found at run time, and the functions of the one for metadata.

use std::sync::OnceLock;

use libloading::Library;

use crate::layout::{BatchMeta, ClassifierMeta, FrameMeta, LabelInfo, ObjectMeta};

/// Where it is looked for. A process that makes batches has loaded it, and is given what it has by the name alone; so is
/// one whose linker knows the folder. The other place is the one that NVIDIA's packages install it in.
const PLACES: [&str; 2] = ["libnvds_meta.so", "/opt/nvidia/deepstream/deepstream/lib/libnvds_meta.so"];

/// What `functions` takes of the library at the first of `places` that has one; or what was tried and what came back.
pub(crate) fn open<T>(
    places: &[&str],
    functions: impl FnOnce(Library) -> Result<T, libloading::Error>,
) -> Result<T, String> {
    let mut tried = Vec::new();
    for place in places {
        // SAFETY: NVIDIA's library is loaded as its own elements load it; it does nothing else at that.
        match unsafe { Library::new(*place) } {
            Ok(library) => return functions(library).map_err(|err| format!("{place}: {err}")),
            Err(err) => tried.push(format!("{place}: {err}")),
        }
    }
    Err(tried.join("; "))
}

/// What is used of it. All work on lists and pools of a batch whose lock is held.
pub(crate) struct Functions {
    pub(crate) lock: unsafe extern "C" fn(*mut BatchMeta),
    pub(crate) unlock: unsafe extern "C" fn(*mut BatchMeta),
    /// A new object; null when there is no more.
    pub(crate) new_object: unsafe extern "C" fn(*mut BatchMeta) -> *mut ObjectMeta,
    /// Puts an object with its parent on a frame.
    pub(crate) add_object: unsafe extern "C" fn(*mut FrameMeta, *mut ObjectMeta, *mut ObjectMeta),
    /// Takes an object off a frame and back into its pool.
    pub(crate) remove_object: unsafe extern "C" fn(*mut FrameMeta, *mut ObjectMeta),
    pub(crate) new_classifier: unsafe extern "C" fn(*mut BatchMeta) -> *mut ClassifierMeta,
    pub(crate) add_classifier: unsafe extern "C" fn(*mut ObjectMeta, *mut ClassifierMeta),
    pub(crate) new_label: unsafe extern "C" fn(*mut BatchMeta) -> *mut LabelInfo,
    /// Puts a label on a classifier's answer and counts it there.
    pub(crate) add_label: unsafe extern "C" fn(*mut ClassifierMeta, *mut LabelInfo),
    /// Keeps the functions where they are.
    _library: Library,
}

impl Functions {
    /// The functions, looked for once; or what was tried and what came back.
    pub(crate) fn get() -> Result<&'static Self, &'static str> {
        static FOUND: OnceLock<Result<Functions, String>> = OnceLock::new();
        FOUND.get_or_init(|| open(&PLACES, Self::of)).as_ref().map_err(String::as_str)
    }

    fn of(library: Library) -> Result<Self, libloading::Error> {
        // SAFETY: these are the types that NVIDIA declares the functions with, the same in all known versions.
        unsafe {
            Ok(Self {
                lock: *library.get(c"nvds_acquire_meta_lock")?,
                unlock: *library.get(c"nvds_release_meta_lock")?,
                new_object: *library.get(c"nvds_acquire_obj_meta_from_pool")?,
                add_object: *library.get(c"nvds_add_obj_meta_to_frame")?,
                remove_object: *library.get(c"nvds_remove_obj_meta_from_frame")?,
                new_classifier: *library.get(c"nvds_acquire_classifier_meta_from_pool")?,
                add_classifier: *library.get(c"nvds_add_classifier_meta_to_object")?,
                new_label: *library.get(c"nvds_acquire_label_info_meta_from_pool")?,
                add_label: *library.get(c"nvds_add_label_info_meta_to_classifier")?,
                _library: library,
            })
        }
    }
}
