import { type Environment, readSettings } from '../config/index.ts';
import { urlSetting } from './settings.ts';
import type { Source } from './source.ts';

export interface StaticSourceOptions {
  readonly environment: Environment;
  readonly defaultUrl: (service: string) => string;
}

/** Instances as settings name them: they do not change while the process runs. */
export function createStaticSource({ environment, defaultUrl }: StaticSourceOptions): Source {
  return {
    watch(service, hear) {
      const [urls = []] = Object.values(readSettings(environment, urlSetting(service, defaultUrl(service))));
      hear(urls);
      return { first: Promise.resolve(), problem: () => undefined, stop: () => undefined };
    },
    close: async () => undefined,
  };
}
