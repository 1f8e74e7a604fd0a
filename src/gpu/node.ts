/**
 * WebGPU under Node: Dawn through the optional peer package `webgpu`, on the machine's GPU or on a software adapter.
 * For the command line and the tests. Importing this file loads nothing and touches no global.
 */
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OutriderError } from '../errors.ts';

/** `default` leaves the choice to Dawn and the system's drivers; the others pin a CPU implementation. */
export const NODE_ADAPTERS = ['default', 'lavapipe', 'swiftshader'] as const;
export type NodeAdapter = (typeof NODE_ADAPTERS)[number];

export interface NodeGpuOptions {
  readonly adapter?: NodeAdapter | undefined;
  /** Dawn's backend; `null` validates shaders and commands without computing anything, and needs no driver. */
  readonly backend?: 'vulkan' | 'metal' | 'd3d12' | 'd3d11' | 'null' | undefined;
}

export interface NodeGpu {
  /** What `navigator.gpu` is in a browser. */
  readonly gpu: GPU;
  /** The Vulkan driver manifests that were pinned; empty where the system chooses. */
  readonly drivers: readonly string[];
}

const DRIVER_FOLDERS = {
  lavapipe: ['/usr/share/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/etc/vulkan/icd.d'],
  swiftshader: ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'],
} as const;
const DRIVER_FILES = { lavapipe: /^lvp_icd.*\.json$/, swiftshader: /^vk_swiftshader_icd\.json$/ } as const;

/** Node crashes when Dawn's instance is collected while one of its objects lives, so every instance lives on. */
const instances: unknown[] = [];

/**
 * How long the thread rests before Dawn asks again: an eighth of the wait so far, within these bounds, so that short waits stay
 * short and long ones leave both a software adapter's cores alone (on two cores its kernels take a quarter to a third less time).
 */
const REST_MS = { least: 0.02, most: 0.5, share: 1 / 8 } as const;
/** A turn of the event loop that does nothing but ask takes 0.02 to 0.05 ms; one that takes longer had work, and a wait begins anew. */
const IDLE_TURN_MS = 0.06;
const NATIVE_CALLBACK = 'function () { [native code] }';

/**
 * Opens Dawn and installs WebGPU's classes and constants (`GPUBufferUsage`, ...) on `globalThis`. A driver is pinned by
 * setting `VK_DRIVER_FILES` in this process, which must be a main thread or a child process: a worker thread's
 * environment does not reach Vulkan.
 * @throws OutriderError `webgpu_unavailable`; `details.reason`: no-api (the package is missing), no-adapter (the driver is).
 */
export async function openNodeGpu({ adapter = 'default', backend }: NodeGpuOptions = {}): Promise<NodeGpu> {
  const dawn = await importDawn();
  const drivers = adapter === 'default' || backend === 'null' ? [] : findDrivers(adapter);
  if (drivers.length > 0) process.env.VK_DRIVER_FILES = drivers.join(':');
  process.env.XDG_RUNTIME_DIR ??= tmpdir(); // Mesa complains on stderr without one
  for (const [name, value] of Object.entries(dawn.globals)) {
    if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  if (instances.length === 0) restBetweenPolls();
  const gpu = dawn.create(backend ? [`backend=${backend}`] : []);
  instances.push(gpu);
  return { gpu, drivers };
}

/**
 * Dawn waits for the GPU by asking in every turn of the event loop, through the global setImmediate and with a callback
 * of its own: that keeps a core busy which a software adapter computes on. Each such turn now rests a moment.
 */
function restBetweenPolls(): void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  let began = 0;
  let last = 0;
  const rest = () => {
    const now = performance.now();
    if (now - last > IDLE_TURN_MS) began = now;
    Atomics.wait(never, 0, 0, Math.min(Math.max((now - began) * REST_MS.share, REST_MS.least), REST_MS.most));
    last = performance.now();
  };
  globalThis.setImmediate = new Proxy(globalThis.setImmediate, {
    apply(schedule, self, args) {
      if (Function.prototype.toString.call(args[0]) === NATIVE_CALLBACK) rest();
      return Reflect.apply(schedule, self, args);
    },
  });
}

/** Manifests of an installed software driver, absolute paths; empty where there is none. */
export function installedDrivers(adapter: 'lavapipe' | 'swiftshader'): string[] {
  return DRIVER_FOLDERS[adapter]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((file) => DRIVER_FILES[adapter].test(file))
        .map((file) => join(folder, file)),
    );
}

function findDrivers(adapter: 'lavapipe' | 'swiftshader'): string[] {
  const found = installedDrivers(adapter);
  if (found.length > 0) return found;
  const advice =
    adapter === 'lavapipe'
      ? 'install Mesa 24 or newer (Debian 12: apt install -t bookworm-backports mesa-vulkan-drivers)'
      : 'install Chromium, which brings it (Debian: apt install chromium)';
  throw new OutriderError(
    'webgpu_unavailable',
    `The adapter "${adapter}" was asked for, but ${DRIVER_FOLDERS[adapter].join(', ')} hold no driver for it; ${advice}, or use the default adapter.`,
    { details: { reason: 'no-adapter', adapter, searched: DRIVER_FOLDERS[adapter] } },
  );
}

async function importDawn(): Promise<typeof import('webgpu')> {
  try {
    return await import('webgpu');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    throw new OutriderError(
      'webgpu_unavailable',
      missing
        ? 'Node has no WebGPU of its own, and the optional package "webgpu" (Dawn) is not installed. Run: npm install webgpu'
        : `The package "webgpu" (Dawn) does not load on ${process.platform}-${process.arch}: ${String(cause)}. Reinstall it, or use a browser.`,
      { cause, details: { reason: 'no-api', package: 'webgpu' } },
    );
  }
}
