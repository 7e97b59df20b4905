import { z } from 'zod'

const text = z.string().min(1)
const timestamp = z.int().min(0)

/**
 * The class Authentication of OCSF 1.9.0, as far as Lapse uses it: attributes, types, values and constraints by
 * https://schema.ocsf.io/1.9.0/classes/authentication. An attribute that is not named here fails.
 */
export const ocsfAuthentication = z
  .strictObject({
    activity_id: z.literal([0, 1, 2, 3, 4, 5, 6, 7, 99]),
    activity_name: text.optional(),
    category_name: z.literal('Identity & Access Management').optional(),
    category_uid: z.literal(3),
    class_name: z.literal('Authentication').optional(),
    class_uid: z.literal(3002),
    duration: z.int().optional(),
    end_time: timestamp.optional(),
    http_request: z.strictObject({ user_agent: text.optional() }).optional(),
    is_remote: z.boolean().optional(),
    message: text.optional(),
    metadata: z.strictObject({
      labels: z.array(text).optional(),
      logged_time: timestamp.optional(),
      product: z.strictObject({ name: text.optional(), vendor_name: text.optional() }),
      uid: text.optional(),
      version: z.literal('1.9.0'),
    }),
    service: z.strictObject({ name: text.optional() }),
    session: z
      .strictObject({
        created_time: timestamp.optional(),
        expiration_reason: text.optional(),
        expiration_time: timestamp.optional(),
        is_remote: z.boolean().optional(),
        uid: text.optional(),
      })
      .optional(),
    severity: text.optional(),
    severity_id: z.literal([0, 1, 2, 3, 4, 5, 6, 99]),
    src_endpoint: z.strictObject({ ip: z.union([z.ipv4(), z.ipv6()]) }).optional(),
    start_time: timestamp.optional(),
    status: text.optional(),
    status_id: z.literal([0, 1, 2, 99]).optional(),
    time: timestamp,
    type_name: text.optional(),
    type_uid: z.int(),
    unmapped: z.record(z.string(), z.unknown()).optional(),
    user: z
      .strictObject({
        name: text.optional(),
        type_id: z.literal([0, 1, 2, 3, 4, 99]).optional(),
        uid: text.optional(),
      })
      .refine(({ name, uid }) => name !== undefined || uid !== undefined, { error: 'at least one' }),
  })
  .refine((event) => event.type_uid === event.class_uid * 100 + event.activity_id, { path: ['type_uid'] })
