import { Option } from 'commander'
import { defaultConfigPath } from '../../config/loadConfig.ts'

export const configFlags = '-c, --config <file>'

export const configOption = new Option(
  configFlags,
  `the configuration file (default: $LAPSE_CONFIG, otherwise ${defaultConfigPath})`,
)

export interface ConfigOption {
  readonly config?: string
}
