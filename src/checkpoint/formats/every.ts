/** Every format that is read, and those that are refused by name. */
import { parseQuantization } from '../quantization.ts';
import type { Formats } from '../roles.ts';
import { readExperts } from './expert-stacks.ts';
import { readMatrix } from './table.ts';

export const EVERY_FORMAT: Formats = { parseQuantization, readMatrix, readExperts };
