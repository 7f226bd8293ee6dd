/** Environment to typed settings, every problem told at once. */
export type Environment = Readonly<Record<string, string | undefined>>;

export { setting } from './setting.ts';
export {
  describeSettings,
  readSettings,
  type Setting,
  type SettingDescription,
  type Settings,
  type ValuesOf,
} from './settings.ts';
