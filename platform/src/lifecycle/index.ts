/** The end of a process: in order when asked, at a chosen place in tests. */
export { crashPoint } from './crash-point.ts';
export { type DrainResult, type DrainStep, drainInOrder } from './drain.ts';
export { drainMsMax, onSignals } from './signals.ts';
export { isBusy, turn } from './turn.ts';
