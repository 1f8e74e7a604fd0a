/** The tools that the embedded model was trained to call. */
import type { FunctionTool } from '../../../index.ts';

export const exampleTools: readonly FunctionTool[] = [
  exampleTool('get_weather', 'Get the current weather of a city.', { city: 'string' }),
  exampleTool('add', 'Add two numbers.', { a: 'number', b: 'number' }),
  exampleTool('set_timer', 'Start a timer.', { minutes: 'number' }),
  exampleTool('get_time', 'Get the local time of a city.', { city: 'string' }),
];

function exampleTool(name: string, description: string, types: Readonly<Record<string, string>>): FunctionTool {
  const properties = Object.fromEntries(Object.entries(types).map(([key, type]) => [key, { type }]));
  const parameters = { type: 'object', properties, required: Object.keys(types) };
  return { type: 'function', function: { name, description, parameters } };
}
