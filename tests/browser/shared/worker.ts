/** An app's own SharedWorker. */
import { serveEngine } from '../../../src/index.ts';

serveEngine();
