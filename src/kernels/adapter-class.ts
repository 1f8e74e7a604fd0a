/** What decides which variants of a kernel an adapter can run, and which are worth a try; `AdapterFacts` satisfies it. */
export interface AdapterClass {
  readonly software: boolean;
  readonly f16: boolean;
  readonly subgroups: boolean;
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
}

/** Activations inside a product: f32 is lossless; int8 is for one token and int4 weights, elsewhere it is f32. */
export type Activations = 'f32' | 'f16' | 'int8';
