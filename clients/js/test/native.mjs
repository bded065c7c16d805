// The hooks where there is no browser, as in React Native: of the globals that only browsers or Node have, the built client may touch none.
import ws from 'ws';

const foreign = [
  'window', 'document', 'navigator', 'history', 'localStorage', 'sessionStorage', 'addEventListener', 'removeEventListener', 'dispatchEvent', 'CustomEvent',
  'EventSource', 'XMLHttpRequest', 'BroadcastChannel', 'crypto', 'Buffer', 'process', 'atob', 'btoa', 'TextDecoder', 'structuredClone', 'queueMicrotask',
];
for (const name of ['window', 'document']) {
  if (name in globalThis) throw new Error(`there is a ${name} here`);
}
for (const name of foreign) {
  const value = globalThis[name];
  Object.defineProperty(globalThis, name, {
    configurable: true,
    get() {
      if (/clients\/js\/dist\//.test(new Error().stack.split('\n')[2] ?? '')) throw new Error(`the client touches ${name}`);
      return value;
    },
  });
}
globalThis.WebSocket = ws; // which React Native has
await import('./hooks.mjs');
