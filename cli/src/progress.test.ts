import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openProgress } from './progress.ts';

function run(isTTY: boolean): string {
  let text = '';
  const progress = openProgress({
    isTTY,
    write: (piece) => {
      text += piece;
    },
  });
  progress.begin('orders', 3);
  progress.expect(1);
  for (let done = 0; done < 4; done++) progress.advance();
  progress.begin('nothing', 0);
  progress.end();
  return text;
}

describe('progress', () => {
  it('is a bar with rate on a terminal, which ends full', () => {
    assert.match(run(true), /orders {5}█{24} 4 of 4 \(100 %\), \d+\/s, 0\.0 s\n$/);
  });

  it('is plain lines elsewhere', () => {
    const text = run(false);
    assert.doesNotMatch(text, /\x1b|█/);
    assert.match(text, /^orders…\norders: 4 of 4 \(100 %\), \d+\/s, 0\.0 s\nnothing…\n$/);
  });

  it('says how long it will still take', () => {
    let text = '';
    const progress = openProgress({
      isTTY: true,
      write: (piece) => {
        text += piece;
      },
    });
    progress.begin('orders', 1_000);
    progress.advance();
    progress.end();
    assert.match(text, / left/);
  });
});
