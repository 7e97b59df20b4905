import { Option } from 'commander'
import { defaultConfigPath } from '../../config/config.ts'

export const configOption = new Option(
  '-c, --config <file>',
  `the configuration (default: $LAPSE_CONFIG, else ${defaultConfigPath})`,
)

export interface ConfigOption {
  readonly config?: string
}
