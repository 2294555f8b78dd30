import { decode, encode } from 'jpeg-js'

/** A small picture of a photo, and what it mostly looks like. */
export type Thumbnail = {
  width: number
  height: number
  /** JPEG. */
  bytes: Uint8Array
  /** The mean colour, as `#rrggbb`. */
  colour: string
}

const QUALITY = 80

/** Decodes a JPEG, shrinks it to at most so many pixels a side, each the mean of those it stands for, and encodes it again. */
export function thumbnailOf(photo: Uint8Array, side: number): Thumbnail {
  const { width, height, data } = decode(photo, { useTArray: true, formatAsRGBA: false })
  const scale = Math.min(1, side / Math.max(width, height))
  const small = shrink(
    data,
    width,
    height,
    Math.max(1, Math.round(width * scale)),
    Math.max(1, Math.round(height * scale)),
  )
  const { data: bytes } = encode(small, QUALITY)
  return { width: small.width, height: small.height, bytes, colour: meanColour(small.data) }
}

type Pixels = { width: number; height: number; data: Uint8Array }

/** From three bytes a pixel to four, as the encoder has them. */
function shrink(data: Uint8Array, width: number, height: number, toWidth: number, toHeight: number): Pixels {
  const small = new Uint8Array(4 * toWidth * toHeight)
  for (let row = 0; row < toHeight; row++) {
    const top = Math.floor((row * height) / toHeight)
    const bottom = Math.max(top + 1, Math.floor(((row + 1) * height) / toHeight))
    for (let column = 0; column < toWidth; column++) {
      const left = Math.floor((column * width) / toWidth)
      const right = Math.max(left + 1, Math.floor(((column + 1) * width) / toWidth))
      let red = 0
      let green = 0
      let blue = 0
      for (let y = top; y < bottom; y++) {
        for (let at = 3 * (y * width + left); at < 3 * (y * width + right); at += 3) {
          red += data[at]!
          green += data[at + 1]!
          blue += data[at + 2]!
        }
      }
      const pixels = (bottom - top) * (right - left)
      const to = 4 * (row * toWidth + column)
      small[to] = red / pixels
      small[to + 1] = green / pixels
      small[to + 2] = blue / pixels
      small[to + 3] = 255
    }
  }
  return { width: toWidth, height: toHeight, data: small }
}

function meanColour(data: Uint8Array): string {
  const sums = [0, 0, 0]
  for (let at = 0; at < data.length; at += 4) for (let i = 0; i < 3; i++) sums[i]! += data[at + i]!
  return `#${sums
    .map((sum) =>
      Math.round((4 * sum) / data.length)
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`
}
