import source from '../../shaders/embed-packed.wgsl?raw';
import { defineKernel } from '../gpu/kernel.ts';
import { perCodec } from './packed.ts';

/** h = E[id], packed table. Shapes: shaders/embed-packed.wgsl. */
export const embedPacked = perCodec((codec, parts) => defineKernel(`embed-packed-${codec}`, source, parts));
