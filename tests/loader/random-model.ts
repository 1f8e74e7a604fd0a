/** A random model: one dense layer and one with experts, each role's matrices of any kind. */
import type {
  ExpertTensors,
  FeedForwardTensors,
  LayerTensors,
  Matrix,
  ModelTensors,
} from '../../src/checkpoint/model-tensors.ts';
import { narrowFromF32 } from '../../src/quant/float.ts';
import { seeded } from '../../src/reference/random.ts';
import { CheckpointBuilder } from './checkpoint-builder.ts';
import { divided, type Kind, MATRICES, type MakeMatrix, STACKS } from './random-matrices.ts';

/** Names of `MATRICES`; experts may also be one of `STACKS`. */
export interface ModelKinds {
  readonly seed: string;
  readonly table: string;
  readonly attention: string;
  readonly dense: string;
  readonly experts: string;
  readonly isScaled: boolean;
}

const EXPERTS = 3;

export function randomModel(kinds: ModelKinds): { builder: CheckpointBuilder; tensors: ModelTensors } {
  const random = seeded(kinds.seed);
  const builder = new CheckpointBuilder(random);
  const kind = (name: string): Kind<unknown> => (MATRICES[name] ?? STACKS[name])!;
  const unit = Math.max(...[kinds.table, kinds.attention, kinds.dense, kinds.experts].map((name) => kind(name).unit));
  const size = (): number => unit * (1 + random.below(Math.max(2, 160 / unit)));
  const [hidden, inter, queries] = [size(), size(), size()];
  const keys = 8 * (1 + random.below(4));
  const matrix = (name: string, rows: number, cols: number): Matrix => MATRICES[name]!.make(builder, rows, cols);
  const vector = () => builder.add('BF16', [hidden], narrowFromF32(random.normals(hidden), 'BF16'));

  const layer = (feedForward: LayerTensors['feedForward']): LayerTensors => ({
    inputLayernorm: vector(),
    postAttentionLayernorm: vector(),
    qProj: matrix(kinds.attention, queries, hidden),
    kProj: matrix(kinds.attention, keys, hidden),
    vProj: matrix(random.below(4) === 0 ? 'f32' : kinds.attention, keys, hidden),
    oProj: matrix(kinds.attention, hidden, queries),
    feedForward,
  });
  const feedForward = (make: MakeMatrix): FeedForwardTensors => {
    const upProj = make(builder, inter, hidden);
    return {
      gateProj: make(builder, inter, hidden),
      upProj: kinds.isScaled ? divided(builder, upProj) : upProj,
      downProj: make(builder, hidden, inter),
    };
  };
  const experts = (): ExpertTensors[] => {
    const stack = STACKS[kinds.experts]?.make;
    if (stack) {
      const gateUp = stack(builder, EXPERTS, 2 * inter, hidden);
      const down = stack(builder, EXPERTS, hidden, inter);
      return gateUp.map((pair, expert) => ({ gateUp: [pair], down: down[expert]! }));
    }
    return Array.from({ length: EXPERTS }, () => {
      const { gateProj, upProj, downProj } = feedForward(MATRICES[kinds.experts]!.make);
      return { gateUp: [gateProj, upProj], down: downProj };
    });
  };
  const dense = () => feedForward(MATRICES[kinds.dense]!.make);
  const inEights = /GPTQ|AWQ|NF4/.test(kinds.table); // these formats pack rows together
  const vocabulary = 8 * (1 + random.below(6)) + (inEights ? 0 : random.below(8));
  const embedTokens = matrix(kinds.table, vocabulary, hidden);
  const tensors: ModelTensors = {
    embedTokens,
    norm: vector(),
    lmHead: random.below(3) === 0 ? embedTokens : matrix(kinds.table, vocabulary, hidden),
    layers: [
      layer({ kind: 'dense', ...dense() }),
      layer({
        kind: 'moe',
        router: matrix('bf16', EXPERTS, hidden),
        sharedExpert: dense(),
        experts: experts(),
      }),
    ],
  };
  return { builder, tensors };
}
