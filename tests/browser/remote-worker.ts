/** An engine's worker whose GPU device ends when somebody says so. */
import { serveEngine } from '../../src/index.ts';

const devices: GPUDevice[] = [];
const { requestDevice } = GPUAdapter.prototype;
GPUAdapter.prototype.requestDevice = async function (descriptor) {
  const device = await requestDevice.call(this, descriptor);
  devices.push(device);
  return device;
};
new BroadcastChannel('lose').onmessage = () => devices.at(-1)!.destroy();
serveEngine();
