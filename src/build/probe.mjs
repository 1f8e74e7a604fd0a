/** Prints the adapter that Dawn picks on this machine as one line of JSON, or nothing. Its own process: a bad driver may crash it. */
import { create } from 'webgpu';

const gpu = create([]);
const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
if (adapter) {
  const { vendor, architecture, device, description } = adapter.info;
  console.log(JSON.stringify({ name: description || device || `${vendor} ${architecture}`, vendor, device }));
}
process.exit(0); // before Dawn's instance can be collected
