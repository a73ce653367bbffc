//! Pictures in Jetson's memory are mapped by NVIDIA's functions, and unmapped in every case.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use alpr_nvds::handmade::{self, Frame, Layout, Pixels, standin};
use alpr_nvds::{Surface, SurfaceError, Surfaces};

/// Tests that count what the stand-in saw run one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    standin::surfaces();
    guard
}

/// NV12 of 4x2 pixels with two bytes beside each row: all bytes of plane p of the picture of index n are 10 n + p + 1.
fn buffer(layout: Layout, mem_type: i32) -> gst::Buffer {
    gst::init().unwrap();
    let picture = |n: u8| Pixels {
        size: (4, 2),
        color_format: 6,
        planes: vec![(vec![10 * n + 1; 12], 6), (vec![10 * n + 2; 6], 6)],
    };
    let mut buffer = handmade::surfaces(layout, mem_type, &[picture(0), picture(1)]);
    handmade::attach(buffer.get_mut().unwrap(), layout, &[Frame::default(), Frame::default()]);
    buffer
}

fn surface(buffer: &gst::BufferRef, index: u32) -> Result<Surface<'_>, SurfaceError> {
    let caps = gst::Caps::builder("video/x-raw").features(["memory:NVMM"]).build();
    Surfaces::map(buffer, &caps)?.into_surface(index)
}

/// Jetson's two kinds of memory and, on such a processor, the default, which is one of them there.
fn kinds() -> Vec<i32> {
    if cfg!(target_arch = "aarch64") { vec![4, 5, 0] } else { vec![4, 5] }
}

#[test]
fn pictures_are_mapped_while_they_are_looked_at() {
    let _alone = alone();
    for layout in Layout::ALL {
        for mem_type in kinds() {
            let buffer = buffer(layout, mem_type);
            for index in [0, 1] {
                let n = 10 * index as u8;
                let picture = surface(&buffer, index).unwrap();
                assert_eq!((picture.size(), picture.format()), ((4, 2), Some("NV12")));
                assert_eq!(
                    picture.planes().unwrap(),
                    [([n + 1; 12].as_slice(), 6), ([n + 2; 6].as_slice(), 6)],
                    "{layout:?} {mem_type}"
                );
                assert_eq!(standin::mapped(), (2, 0));
                // another element looks at the same picture, and at the other one
                let (again, other) = (surface(&buffer, index).unwrap(), surface(&buffer, 1 - index).unwrap());
                assert_eq!(standin::mapped(), (4, 0), "what is mapped is not mapped again");
                drop((picture, other));
                assert_eq!(again.planes().unwrap()[1].0, [n + 2; 6], "nor unmapped under the other's eyes");
                drop(again);
                assert_eq!(standin::mapped(), (0, 0));
            }
        }
    }
}

#[test]
fn what_fails_is_told_and_leaves_nothing_mapped() {
    let _alone = alone();
    for layout in Layout::ALL {
        for (call, said) in [(1, "NvBufSurfaceMap answers -1"), (2, "NvBufSurfaceSyncForCpu answers -1")] {
            standin::refuse(call);
            let refused = [4, 0].map(|mem_type| surface(&buffer(layout, mem_type), 1).err().unwrap());
            standin::refuse(0);
            assert_eq!(refused, [SurfaceError::Mapping(said.to_owned()), SurfaceError::Memory(0)]);
            assert_eq!(standin::mapped(), (0, 0), "{said}");
        }
        assert_eq!(surface(&buffer(layout, 4), 2).err(), Some(SurfaceError::Missing(2)));
        for gpu in (0..8).filter(|kind| ![1, 3, 6].contains(kind) && !kinds().contains(kind)) {
            assert_eq!(surface(&buffer(layout, gpu), 1).err(), Some(SurfaceError::Memory(gpu)));
        }
        assert_eq!(standin::mapped(), (0, 0));
    }
}

#[test]
fn pixels_in_blocks_are_refused_before_they_are_mapped() {
    let _alone = alone();
    // a call would fail with another error
    standin::refuse(1);
    let mut buffer = buffer(Layout::ALL[1], 4);
    handmade::set_block_linear(buffer.get_mut().unwrap());
    let refused = surface(&buffer, 0).err().unwrap();
    standin::refuse(0);
    assert_eq!(refused, SurfaceError::BlockLinear);
    assert!(refused.to_string().contains("bl-output=false"), "{refused}");
}
