import { EventEmitter } from 'node:events'
import { Decoder, Encoder } from '@msgpack/msgpack'
import { Receipt, type Sample } from '../payload.ts'
import type { PeerFactory } from '../peer.ts'

/** `EventEmitter`: no other thread, no copy. */
export const eventEmitter: PeerFactory = async () => {
  const emitter = new EventEmitter()
  const receipt = new Receipt()
  emitter.on('event', (data) => receipt.add(data))
  return {
    async round(events) {
      for (const event of events) emitter.emit('event', event)
      return receipt.take()
    },
    close: async () => {},
  }
}

/** The limit of the codec's first half: encoding alone, in one thread. */
export const encodeOnly: PeerFactory = async () => {
  const encoder = new Encoder()
  const receipt = new Receipt()
  let bytes = 0
  return {
    async round(events) {
      for (const event of events) {
        bytes += encoder.encodeSharedRef(event).length
        receipt.add(event)
      }
      if (bytes === 0) throw new Error('nothing was encoded')
      return receipt.take()
    },
    close: async () => {},
  }
}

/** The limit of its second half: decoding alone, in one thread. */
export const decodeOnly: PeerFactory = async () => {
  const encoder = new Encoder()
  const decoder = new Decoder()
  const receipt = new Receipt()
  const encoded = new Map<unknown, Uint8Array>()
  return {
    async round(events) {
      for (const event of events) {
        let bytes = encoded.get(event)
        if (bytes === undefined) {
          bytes = encoder.encode(event)
          encoded.set(event, bytes)
        }
        receipt.add(decoder.decode(bytes) as Sample)
      }
      return receipt.take()
    },
    close: async () => {},
  }
}
