// Loaded into a process with `node --import`: SIGUSR2 sets its clock forward, or back, by CLOCK_SHIFT_MS milliseconds.
const RealDate = Date
let shiftMs = 0

globalThis.Date = class extends RealDate {
  constructor(...values) {
    if (values.length === 0) super(RealDate.now() + shiftMs)
    else super(...values)
  }

  static now() {
    return RealDate.now() + shiftMs
  }
}

process.on('SIGUSR2', () => {
  shiftMs = Number(process.env.CLOCK_SHIFT_MS)
})
