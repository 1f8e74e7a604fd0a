/** What the machine is and allows: its adapter, its roofs, and what speaks against the figures. Pure. */
import type { PartialResults } from '../../../bench/results.ts';
import { adapterName } from '../../shared/adapter.ts';
import { formatBytes } from '../../shared/format.ts';
import { type Comparison, faster } from '../comparison.ts';
import { formatNumber, formatScaled, formatSeconds } from '../units.ts';
import type { Table } from './table.ts';

/** Limits that are counts of bytes, for people. */
const isBytes = (name: string): boolean =>
  /Size$|StorageSize|BindingSize/.test(name) && !/Workgroup(Size|s)/.test(name);

/** Adapter, features, limits and variants, as names and values. */
export function factsOf({ adapter, limits, variants, userAgent, outrider }: PartialResults): [string, string][] {
  if (!adapter) return [];
  const { f16, subgroups, subgroupMinSize, subgroupMaxSize } = adapter;
  const sizes = subgroupMinSize === subgroupMaxSize ? subgroupMinSize : `${subgroupMinSize} to ${subgroupMaxSize}`;
  const chosen = Object.entries(variants ?? {}).filter(([, name]) => name !== undefined);
  return [
    ['Adapter', `${adapterName(adapter)}${adapter.software ? ' (software)' : ''}`],
    ['Vendor, architecture', [adapter.vendor, adapter.architecture].filter(Boolean).join(', ') || 'not told'],
    [
      'Shader features',
      [f16 && 'f16', subgroups && `subgroups of ${sizes}`].filter(Boolean).join(', ') || 'none optional',
    ],
    ...Object.entries(limits ?? {}).map(([name, value]): [string, string] => [
      spell(name),
      isBytes(name) ? formatBytes(value) : value.toLocaleString('en'),
    ]),
    ...chosen.map(([kind, name]): [string, string] => [`Variant of ${kind}`, name as string]),
    ['Outrider', outrider ?? ''],
    ['Browser', userAgent ?? ''],
  ];
}

/** `maxStorageBufferBindingSize` -> `Max storage buffer binding size`. */
function spell(limit: string): string {
  const words = limit.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words[0]!.toUpperCase() + words.slice(1);
}

/** The two roofs and the two costs of asking. */
export function roofTable({ roofline }: PartialResults, comparison: Comparison | undefined): Table | undefined {
  if (!roofline) return undefined;
  const { readRate, readBytes, flopRate, dispatchSeconds, roundTripSeconds } = roofline;
  const other = comparison?.other.roofline;
  return {
    id: 'roofs',
    title: 'Roofs',
    columns: ['What', 'Measured'],
    rows: [
      [
        { text: 'Reading memory', detail: `vec4 loads over ${formatBytes(readBytes)}` },
        { text: formatScaled(readRate, 'B/s'), ratio: other && readRate / other.readRate },
      ],
      [
        { text: 'Arithmetic', detail: 'f32 multiply-adds in registers' },
        { text: formatScaled(flopRate, 'FLOP/s'), ratio: other && flopRate / other.flopRate },
      ],
      [
        { text: 'One dispatch', detail: 'of a kernel that does nothing' },
        { text: formatSeconds(dispatchSeconds), ratio: faster(dispatchSeconds, other?.dispatchSeconds) },
      ],
      [
        { text: 'Round trip', detail: 'submit, wait, read 4 bytes' },
        { text: formatSeconds(roundTripSeconds), ratio: faster(roundTripSeconds, other?.roundTripSeconds) },
      ],
    ],
    note: `The roofs meet at ${formatNumber(flopRate / readRate)} operations per byte: work with fewer is bound by memory, work with more by arithmetic.`,
  };
}
