//! Surfaces of Jetson, which NVIDIA's functions bring into the CPU's memory.

use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use libloading::Library;

use crate::library;
use crate::surface::{BufSurface, MAX_PLANES, SurfaceParams};

/// Where NVIDIA's library is looked for: what the process has, what the linker knows, and where JetPack and DeepStream
/// install it.
const PLACES: [&str; 5] = [
    "libnvbufsurface.so",
    "libnvbufsurface.so.1.0.0",
    "/usr/lib/aarch64-linux-gnu/nvidia/libnvbufsurface.so",
    "/usr/lib/aarch64-linux-gnu/tegra/libnvbufsurface.so",
    "/opt/nvidia/deepstream/deepstream/lib/libnvbufsurface.so",
];
/// All planes of a picture.
const ALL: c_int = -1;
/// `NVBUF_MAP_READ`.
const READ: c_int = 0;
/// Offset of `mappedAddr`, an address for each plane, in `NvBufSurfaceParams`: the same in all known versions.
const MAPPED_OFFSET: usize = 280;

/// What is used of it. Each answers 0 when it is done.
struct Functions {
    map: unsafe extern "C" fn(*mut BufSurface, c_int, c_int, c_int) -> c_int,
    unmap: unsafe extern "C" fn(*mut BufSurface, c_int, c_int) -> c_int,
    /// Makes visible to the CPU what a device has written.
    sync: unsafe extern "C" fn(*mut BufSurface, c_int, c_int) -> c_int,
    /// Keeps the functions where they are.
    _library: Library,
}

impl Functions {
    fn get() -> Result<&'static Self, &'static str> {
        static FOUND: OnceLock<Result<Functions, String>> = OnceLock::new();
        FOUND.get_or_init(|| library::open(&PLACES, Self::of)).as_ref().map_err(String::as_str)
    }

    fn of(library: Library) -> Result<Self, libloading::Error> {
        // SAFETY: these are the types that NVIDIA declares the functions with, the same in all known versions.
        unsafe {
            Ok(Self {
                map: *library.get(c"NvBufSurfaceMap")?,
                unmap: *library.get(c"NvBufSurfaceUnMap")?,
                sync: *library.get(c"NvBufSurfaceSyncForCpu")?,
                _library: library,
            })
        }
    }
}

/// Pictures that this process has mapped by the address of their entry, and how often: NVIDIA counts nothing, so only the
/// last one may unmap.
fn mapped() -> MutexGuard<'static, BTreeMap<usize, u32>> {
    static MAPPED: Mutex<BTreeMap<usize, u32>> = Mutex::new(BTreeMap::new());
    MAPPED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A picture in the CPU's memory, as long as this lives.
pub(crate) struct Mapping {
    functions: &'static Functions,
    surface: NonNull<BufSurface>,
    index: c_int,
    params: NonNull<SurfaceParams>,
}

impl Mapping {
    /// Maps all planes of the picture of `index`, whose entry in the list of `surface` is `params`; or says what was tried and
    /// what came back.
    ///
    /// # Safety
    ///
    /// `surface` is an `NvBufSurface` whose entry of `index` is `params`, and lives as long as what is returned.
    pub(crate) unsafe fn new(
        surface: NonNull<BufSurface>,
        index: u32,
        params: NonNull<SurfaceParams>,
    ) -> Result<Self, String> {
        let functions = Functions::get()?;
        let index = c_int::try_from(index).map_err(|err| err.to_string())?;
        let mut mapped = mapped();
        let count = mapped.get(&params.addr().get()).copied().unwrap_or(0);
        if count == 0 {
            // SAFETY: the caller vouches for surface and index.
            let answer = unsafe { (functions.map)(surface.as_ptr(), index, ALL, READ) };
            if answer != 0 {
                return Err(format!("NvBufSurfaceMap answers {answer}"));
            }
        }
        mapped.insert(params.addr().get(), count + 1);
        drop(mapped);
        let mapping = Self { functions, surface, index, params };
        // SAFETY: as above; the picture is mapped.
        match unsafe { (functions.sync)(surface.as_ptr(), index, ALL) } {
            0 => Ok(mapping),
            answer => Err(format!("NvBufSurfaceSyncForCpu answers {answer}")),
        }
    }

    /// Where the plane of `index` is mapped.
    pub(crate) fn plane(&self, index: usize) -> Option<NonNull<u8>> {
        if index >= MAX_PLANES {
            return None;
        }
        // SAFETY: an entry has so many addresses at this offset.
        NonNull::new(unsafe { self.params.cast::<u8>().add(MAPPED_OFFSET).cast::<*mut c_void>().add(index).read() })
            .map(NonNull::cast)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let mut mapped = mapped();
        let left = mapped.get(&self.params.addr().get()).copied().unwrap_or(0).saturating_sub(1);
        if left > 0 {
            mapped.insert(self.params.addr().get(), left);
            return;
        }
        mapped.remove(&self.params.addr().get());
        // SAFETY: the surface lives, and this is its last mapping. What it answers changes nothing.
        unsafe { (self.functions.unmap)(self.surface.as_ptr(), self.index, ALL) };
    }
}
