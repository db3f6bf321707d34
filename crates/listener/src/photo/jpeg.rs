//! JPEG scaling: makes a photo small enough for a device.

use std::io::Cursor;

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder as _, Limits};

/// Maximum pixels of a photo, as many as a good camera makes. Muster does not decode larger ones.
const MAX_PIXELS: u64 = 16_000_000;

/// Maximum width and height of a photo, pixels.
const MAX_SIDE: u32 = 8_000;

/// Maximum memory for decoding, bytes.
const MAX_DECODER_BYTES: u64 = 256 << 20;

/// Width and height that devices prefer, then smaller ones for photos that are still too large (field note 6.5).
const BOXES: [(u32, u32); 3] = [(480, 640), (360, 480), (240, 320)];

/// JPEG qualities, best first.
const QUALITIES: [u8; 4] = [88, 78, 66, 52];

/// Why a photo could not be scaled. The text reveals nothing about the picture.
#[derive(Debug, thiserror::Error)]
pub enum ScaleError {
    /// The photo is not a JPEG, or is damaged.
    #[error("not a readable JPEG: {0}")]
    Unreadable(#[from] image::ImageError),
    /// The header claims more pixels than the limit.
    #[error("{width} by {height} pixels are more than the limit")]
    TooManyPixels {
        /// From the header.
        width: u32,
        /// From the header.
        height: u32,
    },
    /// Even the smallest size and quality is too large.
    #[error("too large even at the lowest size and quality")]
    StillTooLarge,
}

/// Scales a photo to at most `most_bytes` bytes, upright and at most about 480 by 640 pixels.
///
/// # Errors
/// [`ScaleError`]; then Muster sends the photo unchanged.
pub fn scale(jpeg: &[u8], most_bytes: usize) -> Result<Vec<u8>, ScaleError> {
    let mut decoder = JpegDecoder::new(Cursor::new(jpeg))?;
    let (width, height) = decoder.dimensions();
    if width.max(height) > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(ScaleError::TooManyPixels { width, height });
    }
    let mut limits = Limits::no_limits();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    decoder.set_limits(limits)?;
    // Cameras store the picture and its orientation; devices ignore the orientation.
    let orientation = decoder.orientation()?;
    let mut photo = DynamicImage::from_decoder(decoder)?;
    for (width, height) in BOXES {
        // The picture is scaled first and turned afterwards: turning sixteen million pixels would take long.
        let (width, height) = if orientation.swaps() { (height, width) } else { (width, height) };
        if photo.width() > width || photo.height() > height {
            photo = photo.resize(width, height, FilterType::CatmullRom);
        }
        let mut upright = photo.clone();
        upright.apply_orientation(orientation);
        let pixels = upright.into_rgb8();
        for quality in QUALITIES {
            let mut out = Vec::new();
            JpegEncoder::new_with_quality(&mut out, quality).encode_image(&pixels)?;
            if out.len() <= most_bytes {
                return Ok(out);
            }
        }
    }
    Err(ScaleError::StillTooLarge)
}

/// Whether an orientation exchanges the width and height of a picture.
trait Swaps {
    fn swaps(self) -> bool;
}

impl Swaps for image::metadata::Orientation {
    fn swaps(self) -> bool {
        matches!(self, Self::Rotate90 | Self::Rotate270 | Self::Rotate90FlipH | Self::Rotate270FlipH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise, which JPEG cannot compress well.
    fn noise(width: u32, height: u32) -> Vec<u8> {
        let mut state = 7_u32;
        let pixels = image::RgbImage::from_fn(width, height, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [a, b, c, _] = state.to_be_bytes();
            image::Rgb([a, b, c])
        });
        let mut out = Vec::new();
        JpegEncoder::new_with_quality(&mut out, 95).encode_image(&pixels).unwrap();
        out
    }

    fn size(jpeg: &[u8]) -> (u32, u32) {
        JpegDecoder::new(Cursor::new(jpeg)).unwrap().dimensions()
    }

    #[test]
    fn a_large_photo_becomes_a_small_one_of_the_same_shape() {
        let photo = noise(900, 1_200);
        assert!(photo.len() > 60_000);
        let small = scale(&photo, 60_000).unwrap();
        assert!(small.len() <= 60_000, "{}", small.len());
        let (width, height) = size(&small);
        assert!(width <= 480 && height <= 640 && width * 4 == height * 3, "{width} by {height}");
        assert!(scale(&photo, 29_999).unwrap().len() <= 29_999);
    }

    #[test]
    fn a_photo_of_a_camera_that_was_held_upright_stays_upright() {
        // An EXIF segment with nothing but the orientation 6 (turn by 90 degrees).
        let mut exif =
            b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
                .to_vec();
        let photo = noise(800, 600);
        let mut turned = photo[..2].to_vec();
        turned.append(&mut exif);
        turned.extend_from_slice(&photo[2..]);
        assert_eq!(size(&turned), (800, 600));
        let (width, height) = size(&scale(&turned, 60_000).unwrap());
        assert!(width < height, "{width} by {height}");
        let (width, height) = size(&scale(&photo, 60_000).unwrap());
        assert!(width > height, "{width} by {height}");
    }

    #[test]
    fn a_bomb_is_not_decoded() {
        let mut bomb = noise(16, 16);
        let frame = bomb.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
        bomb[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
        let error = scale(&bomb, 60_000).unwrap_err();
        assert!(matches!(error, ScaleError::TooManyPixels { width: 65_535, height: 65_535 }), "{error}");
        bomb[frame + 5..frame + 9].copy_from_slice(&[0x1f, 0x40, 0x1f, 0x40]);
        let error = scale(&bomb, 60_000).unwrap_err();
        assert!(matches!(error, ScaleError::TooManyPixels { width: 8_000, height: 8_000 }), "{error}");
    }

    #[test]
    fn content_other_than_jpeg_is_unreadable() {
        let cut = &noise(64, 64)[..40];
        for bytes in [b"".as_slice(), b"\xff\xd8", b"GIF89a", cut] {
            assert!(matches!(scale(bytes, 60_000), Err(ScaleError::Unreadable(_))), "{} bytes", bytes.len());
        }
        assert!(matches!(scale(&noise(640, 480), 100), Err(ScaleError::StillTooLarge)));
    }
}
