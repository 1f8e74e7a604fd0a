/** Reads a model for the engine: source, headers, layout, pieces. In a browser it runs in a worker of its own. */
import { openCheckpoint } from '../checkpoint/open.ts';
