import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RoutingTable, type TokenRoute } from '../../../src/pages/chat/experts/table.ts';

const route = (position: number) => ({ position, text: `t${position}`, experts: [position % 4, (position * 3) % 4] });

describe('the routing table', () => {
  it('shows prompts as gaps, and starts anew where an earlier position comes again', () => {
    const table = new RoutingTable(2, 4);
    for (const position of [9, 10, 11, 30, 31]) table.add(route(position));
    expect(table.lines).toEqual([
      { skipped: 9 },
      route(9),
      route(10),
      route(11),
      { skipped: 18 },
      route(30),
      route(31),
    ]);
    table.add(route(10));
    expect(table.lines).toEqual([{ skipped: 9 }, route(9), route(10)]);
    table.clear();
    expect([table.lines, table.numTokens]).toEqual([[], 0]);
  });

  it('counts exactly the tokens that it shows, in order, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 60 }), (positions) => {
        const table = new RoutingTable(2, 4);
        for (const position of positions) table.add(route(position));
        const shown = table.lines.filter((line): line is TokenRoute => !('skipped' in line));
        expect(shown.length).toBe(table.numTokens);
        for (const [layer, counts] of table.counts.entries()) {
          const expected = [0, 1, 2, 3].map(
            (expert) => shown.filter(({ experts }) => experts[layer] === expert).length,
          );
          expect([...counts]).toEqual(expected);
        }
        let next = 0;
        for (const line of table.lines) {
          if ('skipped' in line) next += line.skipped;
          else expect(line.position).toBe(next++);
        }
      }),
    );
  });
});
