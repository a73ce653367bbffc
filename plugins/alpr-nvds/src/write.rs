//! Objects and texts for DeepStream's own elements: `nvdsosd` draws them, `nvmsgconv` sends them.
//!
//! Memory is NVIDIA's: objects, answers of classifiers and labels come from the pools of their batch, and strings that are
//! freed with them are GLib's.

use std::ffi::{CStr, CString, c_char};
use std::fmt;
use std::marker::PhantomData;
use std::ptr::{NonNull, null_mut};

use crate::layout::{
    Bbox, ClassifierMeta, ColorParams, LABEL_BYTES, LabelInfo, NO_CONFIDENCE, ObjectMeta, RectParams, TextParams,
    UNTRACKED, Version,
};
use crate::library::Functions;
use crate::meta::{Batch, Frame, List, Object, ObjectKey, find};

/// `unique_component_id` of what we write: "ALPR" in ASCII, which is no number that a `gie-unique-id` is given by hand.
pub const COMPONENT_ID: i32 = i32::from_be_bytes(*b"ALPR");
/// `classifier_type` of the text of a plate: the name that `nvmsgconv` gives it in its messages.
pub const LICENSE: &str = match LICENSE_TYPE.to_str() {
    Ok(name) => name,
    Err(_) => unreachable!(),
};
/// It is kept by what it is written on, so it lives for ever.
const LICENSE_TYPE: &CStr = c"license";

/// How `nvinfer` draws what it finds.
const BORDER: u32 = 3;
const FONT: &CStr = c"Serif";
const FONT_SIZE: u32 = 11;
/// Pixels by which a text begins above its box.
const ABOVE: f32 = 10.0;
const WHITE: ColorParams = ColorParams { red: 1.0, green: 1.0, blue: 1.0, alpha: 1.0 };
const BLACK: ColorParams = ColorParams { red: 0.0, green: 0.0, blue: 0.0, alpha: 1.0 };
const GREEN: ColorParams = ColorParams { red: 0.125, green: 0.875, blue: 0.25, alpha: 1.0 };

/// Why nothing can be written into a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// NVIDIA's functions cannot be had: what was tried, and what came back.
    Library(String),
    /// The layout is not that of a known version.
    Version,
    /// A pool of the batch gives nothing more.
    Empty,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library(said) => write!(
                f,
                "the functions of DeepStream's libnvds_meta.so cannot be had ({said}); put its folder into \
                 LD_LIBRARY_PATH"
            ),
            Self::Version => {
                f.write_str("the sizes of its structures are those of no version of DeepStream that is known")
            }
            Self::Empty => f.write_str("the pools of the batch have nothing left"),
        }
    }
}

impl std::error::Error for WriteError {}

/// An object to add, in pixels of the muxer's output.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NewObject<'a> {
    /// Its class name; what is beyond 127 bytes is cut off.
    pub label: &'a str,
    /// Its track.
    pub track: Option<u64>,
    /// Score, 0 to 1.
    pub confidence: f32,
    /// Whether a tracker expects it there, and no detector has seen it in this frame.
    pub predicted: bool,
    /// Where it was found.
    pub found: Bbox,
    /// The part of that which lies in the picture: what is drawn.
    pub shown: Bbox,
}

/// Writes into the batch of a buffer. Holds the batch's lock as long as it lives.
pub struct Writer<'a> {
    batch: Batch<'a>,
    functions: &'static Functions,
    text_offset: usize,
    buffer: PhantomData<&'a mut gst::BufferRef>,
}

impl<'a> Writer<'a> {
    /// A writer for the batch on `buffer`; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`WriteError::Version`], [`WriteError::Library`].
    pub fn new(buffer: &'a mut gst::BufferRef) -> Result<Option<Self>, WriteError> {
        let Some(batch) = find(buffer) else { return Ok(None) };
        let text_offset = batch.version().text_offset().ok_or(WriteError::Version)?;
        let functions = Functions::get().map_err(|said| WriteError::Library(said.to_owned()))?;
        // SAFETY: the batch lives as long as the buffer, which is borrowed.
        unsafe { (functions.lock)(batch.meta.as_ptr()) };
        Ok(Some(Self { batch, functions, text_offset, buffer: PhantomData }))
    }

    /// Whose layout the batch has.
    pub const fn version(&self) -> Version {
        self.batch.version()
    }

    /// The frames of the batch.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> + use<'_> {
        self.batch.frames()
    }

    /// Adds an object to `frame`, as part of `parent` where that is known.
    ///
    /// # Errors
    ///
    /// [`WriteError::Empty`].
    pub fn add<'w>(
        &'w self,
        frame: &Frame<'w>,
        new: &NewObject<'_>,
        parent: Option<&Object<'w>>,
    ) -> Result<Object<'w>, WriteError> {
        let version = self.batch.version();
        let label_offset = version.label_offset().ok_or(WriteError::Version)?;
        // SAFETY: the lock is held, and the batch lives.
        let meta = NonNull::new(unsafe { (self.functions.new_object)(self.batch.meta.as_ptr()) });
        let mut meta = meta.ok_or(WriteError::Empty)?;
        {
            // SAFETY: the pool's new object is whole, of this version, and nobody else's yet.
            let object = unsafe { meta.as_mut() };
            (object.unique_component_id, object.class_id) = (COMPONENT_ID, 0);
            object.object_id = new.track.unwrap_or(UNTRACKED);
            let (detected, tracked) = (!new.predicted, new.track.is_some());
            object.detector_bbox_info = if detected { new.found } else { Bbox::default() };
            object.confidence = if detected { new.confidence } else { NO_CONFIDENCE };
            object.tracker_bbox_info = if tracked { new.found } else { Bbox::default() };
            object.tracker_confidence = if tracked { new.confidence } else { NO_CONFIDENCE };
            object.rect_params =
                RectParams { bbox: new.shown, border_width: BORDER, border_color: GREEN, ..RectParams::default() };
        }
        let label = cut(new.label);
        // SAFETY: LABEL_BYTES lie there in a whole object, and `label` is shorter.
        unsafe {
            let place = meta.as_ptr().cast::<u8>().add(label_offset);
            place.write_bytes(0, LABEL_BYTES);
            place.copy_from_nonoverlapping(label.as_ptr(), label.len());
        }
        let text = self.text(meta);
        // SAFETY: the texts of an object lie there; a new one has none, so nothing is freed.
        unsafe {
            (*text).display_text = string(label);
            (*text).font_name = std::ptr::null();
        }
        let parent = parent.map_or(null_mut(), |parent| parent.meta.as_ptr());
        // SAFETY: the lock is held; frame and parent are those of this batch, whose lifetime they have.
        unsafe { (self.functions.add_object)(frame.meta.as_ptr(), meta.as_ptr(), parent) };
        let object = Object { meta, version, buffer: PhantomData };
        self.style(&object);
        Ok(object)
    }

    /// Says that the plate `object` reads `text` with `probability`: as the answer of a classifier, in place of an older one
    /// of ours, and as what is drawn.
    ///
    /// # Errors
    ///
    /// [`WriteError::Empty`].
    pub fn set_license(&self, object: &Object<'_>, text: &str, probability: f32) -> Result<(), WriteError> {
        let label = match self.license(object) {
            Some(label) => label,
            None => self.add_license(object)?,
        }
        .as_ptr();
        let short = cut(text);
        // SAFETY: a label of this batch, whose lock is held; its long text is GLib's or null.
        unsafe {
            (*label).result_label = [0; LABEL_BYTES];
            (&raw mut (*label).result_label).cast::<u8>().copy_from_nonoverlapping(short.as_ptr(), short.len());
            let long = if short.len() < text.len() { string(text) } else { null_mut() };
            glib::ffi::g_free(std::mem::replace(&mut (*label).p_result_label, long).cast());
            (*label).result_prob = probability;
        }
        let texts = self.text(object.meta);
        // SAFETY: the texts of an object lie there, and what is drawn is GLib's or null.
        unsafe { glib::ffi::g_free(std::mem::replace(&mut (*texts).display_text, string(text)).cast()) };
        self.style(object);
        Ok(())
    }

    /// Takes our objects off their frames, except those in `kept` and those that others are part of.
    pub fn retain(&mut self, kept: &[ObjectKey]) {
        for frame in self.batch.frames() {
            let is_parent = |key| frame.objects().any(|other| other.parent().is_some_and(|parent| parent.key() == key));
            let gone = |object: &Object<'_>| {
                object.component_id() == COMPONENT_ID && !kept.contains(&object.key()) && !is_parent(object.key())
            };
            let gone: Vec<NonNull<ObjectMeta>> = frame.objects().filter(gone).map(|object| object.meta).collect();
            for object in gone {
                // SAFETY: the lock is held, and the object is on this frame; `self` is borrowed for writing, so nobody has
                // a view of it.
                unsafe { (self.functions.remove_object)(frame.meta.as_ptr(), object.as_ptr()) };
            }
        }
    }

    /// Our label with the text of `object`, if it has one.
    fn license(&self, object: &Object<'_>) -> Option<NonNull<LabelInfo>> {
        object.classifiers().find_map(|meta| {
            // SAFETY: answers of classifiers live as long as their object.
            let classifier = unsafe { meta.as_ref() };
            let ours = classifier.unique_component_id == COMPONENT_ID;
            ours.then(|| List::new(classifier.label_info_list, classifier.num_labels).next())?
        })
    }

    /// A new label for the text of `object`.
    fn add_license(&self, object: &Object<'_>) -> Result<NonNull<LabelInfo>, WriteError> {
        let batch = self.batch.meta.as_ptr();
        // SAFETY: the lock is held, and the batch lives.
        let label = NonNull::new(unsafe { (self.functions.new_label)(batch) }).ok_or(WriteError::Empty)?;
        // SAFETY: as above.
        let classifier: NonNull<ClassifierMeta> =
            NonNull::new(unsafe { (self.functions.new_classifier)(batch) }).ok_or(WriteError::Empty)?;
        let (label, classifier) = (label.as_ptr(), classifier.as_ptr());
        // SAFETY: both are whole and nobody else's yet; the lock is held.
        unsafe {
            (*classifier).unique_component_id = COMPONENT_ID;
            (*classifier).classifier_type = LICENSE_TYPE.as_ptr();
            (*label).p_result_label = null_mut();
            ((*label).label_id, (*label).result_class_id) = (0, 0);
            (self.functions.add_label)(classifier, label);
            (self.functions.add_classifier)(object.meta.as_ptr(), classifier);
        }
        NonNull::new(label).ok_or(WriteError::Empty)
    }

    /// Where the texts of an object lie.
    fn text(&self, object: NonNull<ObjectMeta>) -> *mut TextParams {
        // SAFETY: objects of this version are whole, and this lies inside.
        unsafe { object.as_ptr().cast::<u8>().add(self.text_offset).cast() }
    }

    /// Gives the texts of `object` a place and a font, as `nvinfer` does, unless they have one.
    fn style(&self, object: &Object<'_>) {
        let text = self.text(object.meta);
        let bbox = object.bbox();
        // SAFETY: the texts of an object lie there, and the lock is held.
        unsafe {
            if !(*text).font_name.is_null() {
                return;
            }
            (*text).x_offset = bbox.left.max(0.0) as u32;
            (*text).y_offset = (bbox.top - ABOVE).max(0.0) as u32;
            (*text).font_name = FONT.as_ptr();
            (*text).font_size = FONT_SIZE;
            (*text).font_color = WHITE;
            (*text).set_bg_clr = 1;
            (*text).text_bg_clr = BLACK;
        }
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        // SAFETY: the lock was taken by `new` for this batch, which still lives.
        unsafe { (self.functions.unlock)(self.batch.meta.as_ptr()) };
    }
}

/// As much of `text` as a label holds, in whole characters; a NUL ends it.
fn cut(text: &str) -> &str {
    let text = text.split('\0').next().unwrap_or_default();
    &text[..text.floor_char_boundary(LABEL_BYTES - 1)]
}

/// `text` up to the first NUL, in memory of GLib's.
fn string(text: &str) -> *mut c_char {
    let text = CString::new(text.split('\0').next().unwrap_or_default()).unwrap_or_default();
    // SAFETY: it ends with NUL.
    unsafe { glib::ffi::g_strdup(text.as_ptr()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_labels_are_cut_between_characters() {
        assert_eq!((cut("AB 123"), cut("AB\0C"), cut("")), ("AB 123", "AB", ""));
        let long = format!("{}ÄÖ", "x".repeat(126));
        assert_eq!(cut(&long), &long[..126]);
    }
}
