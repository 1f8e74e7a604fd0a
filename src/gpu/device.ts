/**
 * Opens a WebGPU device and says what it is. One device belongs to one loaded model: destroying it frees everything.
 */
import { OutriderError } from '../errors.ts';

/** What is known of an adapter, as plain data that crosses worker boundaries. */
export interface AdapterFacts {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** The arithmetic runs on the CPU (SwiftShader, lavapipe, ...): correct, but slow. */
  readonly software: boolean;
  /** `shader-f16` is enabled on the device. */
  readonly f16: boolean;
  /** `subgroups` is enabled on the device. */
  readonly subgroups: boolean;
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
  /** Bytes. */
  readonly maxBufferSize: number;
  /** Bytes. */
  readonly maxStorageBufferBindingSize: number;
}

export interface DeviceOptions {
  /** Default 'high-performance'. */
  readonly powerPreference?: GPUPowerPreference | undefined;
  /** false: do not use `shader-f16` even where present. */
  readonly f16?: boolean | undefined;
  /** false: do not use `subgroups` even where present. */
  readonly subgroups?: boolean | undefined;
  /** true: enable `timestamp-query` where present, which a bench wants. */
  readonly timestamps?: boolean | undefined;
}

export interface Gpu {
  readonly device: GPUDevice;
  readonly facts: AdapterFacts;
  /** Rejects once, with `device_lost` or `gpu_validation`, when the device can no longer be trusted. */
  readonly lost: Promise<never>;
  /** The error that `lost` rejected with, if it did. */
  readonly failure: OutriderError | undefined;
  /** Frees the device and everything on it; `lost` does not reject for this. */
  destroy(): void;
}

/**
 * Requests an adapter and a device with the adapter's own buffer limits.
 * @throws OutriderError `webgpu_unavailable`; `details.reason`: insecure-origin, no-api, no-adapter.
 */
export async function openDevice(gpu: GPU | undefined, options: DeviceOptions = {}): Promise<Gpu> {
  const adapter = await requestAdapter(gpu, options.powerPreference ?? 'high-performance');
  const use = (feature: GPUFeatureName, allowed: boolean | undefined) =>
    allowed !== false && adapter.features.has(feature);
  const f16 = use('shader-f16', options.f16);
  const subgroups = use('subgroups', options.subgroups);
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const wanted = {
    'shader-f16': f16,
    subgroups,
    'timestamp-query': use('timestamp-query', options.timestamps ?? false),
  };
  const device = await adapter.requestDevice({
    label: 'outrider',
    requiredFeatures: (Object.keys(wanted) as (keyof typeof wanted)[]).filter((feature) => wanted[feature]),
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
  });
  const info = adapter.info;
  const facts: AdapterFacts = {
    vendor: info.vendor,
    architecture: info.architecture,
    device: info.device,
    description: info.description,
    software: isSoftware(info),
    f16,
    subgroups,
    subgroupMinSize: subgroups ? info.subgroupMinSize : 0,
    subgroupMaxSize: subgroups ? info.subgroupMaxSize : 0,
    maxBufferSize,
    maxStorageBufferBindingSize,
  };
  return watch(device, facts);
}

async function requestAdapter(gpu: GPU | undefined, powerPreference: GPUPowerPreference): Promise<GPUAdapter> {
  if (!gpu) {
    const insecure = globalThis.isSecureContext === false;
    throw new OutriderError(
      'webgpu_unavailable',
      insecure
        ? 'WebGPU exists only on secure origins, and this page came over plain HTTP. Serve it from https:// or http://localhost.'
        : 'This browser has no WebGPU (navigator.gpu is missing). Use a current Chrome, Edge, Safari 26 or Firefox, or pass `gpu`.',
      { details: { reason: insecure ? 'insecure-origin' : 'no-api' } },
    );
  }
  const adapter = await gpu.requestAdapter({ powerPreference });
  if (!adapter) {
    throw new OutriderError(
      'webgpu_unavailable',
      'WebGPU offers no GPU adapter: the GPU or its driver is blocklisted, switched off, or crashed too often. Restart the browser, update the driver, and look at chrome://gpu (about:support in Firefox).',
      { details: { reason: 'no-adapter' } },
    );
  }
  return adapter;
}

/** CPU implementations by the names they report: SwiftShader, Mesa's llvmpipe (lavapipe), Microsoft's WARP. */
function isSoftware(info: GPUAdapterInfo): boolean {
  const names = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`;
  return info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|basic render|warp/i.test(names);
}

function watch(device: GPUDevice, facts: AdapterFacts): Gpu {
  let failure: OutriderError | undefined;
  let reject: (error: OutriderError) => void = () => {};
  let destroyed = false;
  const lost = new Promise<never>((_, rejectLost) => {
    reject = rejectLost;
  });
  lost.catch(() => {}); // nobody has to listen
  const fail = (error: OutriderError) => {
    if (destroyed || failure) return;
    failure = error;
    reject(error);
  };
  device.addEventListener('uncapturederror', (event) => {
    const error = (event as GPUUncapturedErrorEvent).error;
    fail(
      new OutriderError(
        'gpu_validation',
        `WebGPU rejected a command: ${error.message}. This is a defect of Outrider's; please report it with your adapter's name.`,
      ),
    );
  });
  device.lost.then((info) => {
    fail(
      new OutriderError(
        'device_lost',
        `The GPU device was lost (${info.reason}): ${info.message || 'no reason given'}. Load the model again. Should it recur, close other GPU-heavy tabs, use a shorter context, or name a server that goes on instead (\`fallback\`).`,
        {
          details: { reason: info.reason },
        },
      ),
    );
  });
  return {
    device,
    facts,
    lost,
    get failure() {
      return failure;
    },
    destroy() {
      destroyed = true;
      device.destroy();
    },
  };
}
