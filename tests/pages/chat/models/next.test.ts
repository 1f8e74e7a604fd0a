import { describe, expect, it } from 'vitest';
import { type NextFacts, nextStep } from '../../../../src/pages/chat/models/next.ts';

const remote: NextFacts = {
  kind: 'remote',
  engine: 'empty',
  verdict: 'unproven',
  stored: 'nothing',
  mustAccept: true,
  accepted: true,
  changed: false,
};

describe('what to do next with a model', () => {
  it.each<[string, Partial<NextFacts>, string, boolean, string]>([
    ['new and accepted', {}, 'Download and load', true, ''],
    ['new', { accepted: false }, 'Download and load', false, 'Accept the licence to go on.'],
    ['being planned', { verdict: undefined }, 'Download and load', false, ''],
    ['too large', { verdict: 'too-large' }, 'Download and load', false, 'It does not fit as planned above.'],
    ['partly here', { stored: 'some', mustAccept: false, accepted: false }, 'Resume', true, ''],
    ['all here', { stored: 'all', verdict: 'fits' }, 'Load', true, ''],
    ['a folder', { kind: 'files', mustAccept: false, accepted: false }, 'Load', true, ''],
    ['loading', { engine: 'loading' }, 'Download and load', false, ''],
    ['paused', { engine: 'paused', stored: 'some' }, 'Resume', true, ''],
    ['failed', { engine: 'failed' }, 'Try again', true, ''],
    ['in use', { engine: 'ready', stored: 'all' }, 'In use', false, 'In use, as planned above.'],
    ['in use, but wanted otherwise', { engine: 'ready', changed: true }, 'Load again like this', true, ''],
  ])('that is %s', (_, facts, label, enabled, hint) => {
    expect(nextStep({ ...remote, ...facts })).toEqual({ label, enabled, hint });
  });
});
