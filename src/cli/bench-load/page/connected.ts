/** The first message to a worker of this page: the port at which it answers calls, and what else it is told. */
export function onceConnected<Setup extends { readonly port: MessagePort }>(use: (setup: Setup) => void): void {
  addEventListener('message', ({ data }: MessageEvent<Setup>) => use(data), { once: true });
}
