import { type Sample, weigh } from '../payload.ts'

export default (data: Sample | Uint8Array): number => weigh(data)
