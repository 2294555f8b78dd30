import type { WriteStream } from 'node:tty'
import { SingleBar } from 'cli-progress'

/** A progress bar on a terminal, nothing elsewhere; by bytes where the size of the input is known. */
export class Progress {
  private readonly stream: WriteStream
  private bar: SingleBar | undefined
  private bytes = 0
  private records = 0
  private readonly started = performance.now()

  constructor(stream: WriteStream) {
    this.stream = stream
  }

  start(totalBytes: number | undefined): void {
    if (!this.stream.isTTY) return
    const known = totalBytes !== undefined && totalBytes > 0
    this.bar = new SingleBar({
      format: known
        ? '{bar} {percentage} % | {records} events | {rate}/s | {eta_formatted} left'
        : '{records} events | {rate}/s | {duration_formatted}',
      hideCursor: true,
      stream: this.stream,
    })
    this.bar.start(known ? totalBytes : 1, 0, { records: 0, rate: 0 })
  }

  /** Bytes of the input that have been read so far. */
  read(bytes: number): void {
    this.bytes = bytes
  }

  published(records: number): void {
    this.records += records
    const rate = Math.round(this.records / ((performance.now() - this.started) / 1_000))
    this.bar?.update(this.bytes, { records: this.records, rate })
  }

  /** A line beside the bar. */
  say(text: string): void {
    if (this.bar !== undefined) this.stream.write('\r\u001b[2K')
    this.stream.write(`${text}\n`)
  }

  stop(): void {
    this.bar?.stop()
    this.bar = undefined
  }
}
