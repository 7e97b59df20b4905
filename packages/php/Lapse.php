<?php

declare(strict_types=1);

namespace Lapse;

/**
 * Reports the sessions of a PHP application to a Lapse collector, which records why they ended.
 *
 * Reports are kept in memory during the request. They are sent, or written to the queue, when the request is over.
 * Nothing is thrown because of the collector. What goes wrong is in PHP's error log. With PHP-FPM, set error_log:
 * without it, PHP discards what is logged after the response.
 *
 * Times are epoch milliseconds: use Lapse::now(), or multiply time() by 1000. Ids are strings or integers of at most
 * 255 characters.
 *
 *     $lapse = new Lapse(
 *         site: 'acme',
 *         collector: 'https://lapse.acme.com',
 *         token: getenv('LAPSE_TOKEN'),
 *         ticketSecret: getenv('ACME_TICKET_SECRET'),
 *         idleTimeoutSeconds: 1800,
 *         queue: '/var/lib/acme/lapse',
 *     );
 *     $_SESSION['lapse'] = $lapse->createSession(subject: 42);        // at sign-in
 *     $lapse->active(...$_SESSION['lapse']);                       // in each request with a session
 *     echo $lapse->tag($_SESSION['lapse'] ?? null);                // in each page
 *     $lapse->ended(...$_SESSION['lapse'], reason: 'logout');      // at sign-out
 *
 * @phpstan-type Session array{subject: string|int, session: string|int, startedAt?: int}
 */
final class Lapse
{
    public const VERSION = '0.1.0';

    private const REASONS = ['idle_timeout', 'absolute_timeout', 'logout', 'revoked', 'displaced'];
    private const MAX_BUFFERED = 1000;
    /** How long a process of the web server may send reports after its response, in seconds. */
    private const MAX_SECONDS_AFTER_RESPONSE = 5.0;
    /** Cron usually runs flush() every minute. */
    private const MAX_FLUSH_SECONDS = 50.0;

    public readonly string $site;
    public readonly string $collector;
    public readonly ?int $idleTimeoutSeconds;
    public readonly ?int $absoluteTimeoutSeconds;
    public readonly int $heartbeatSeconds;

    private readonly ?string $ticketSecret;
    private readonly ?Sender $sender;
    private readonly ?Queue $queue;
    /** @var list<array{kind: string, report: array<string, mixed>}> */
    private array $buffer = [];
    /** @var array<string, int> The alias of the session that this request is about, and its last access. */
    private array $lastAccess = [];
    private bool $isScheduled = false;

    /**
     * @param string $site the site's name in the collector's configuration
     * @param string $collector the collector's URL, such as https://lapse.acme.com
     * @param string|false|null $token a token with the scope "write", for active() and ended(). Not needed for tags
     * @param string|false|null $ticketSecret the site's secret for HS256, of at least 32 bytes. Without it, the tag has
     *     no ticket
     * @param int|null $idleTimeoutSeconds the application's idle timeout
     * @param int|null $absoluteTimeoutSeconds the application's limit on the age of a session
     * @param int|null $heartbeatSeconds the shortest time between two activity reports of a session. Default: a quarter
     *     of the idle timeout, between 15 seconds and 5 minutes. It is never more than half of the idle timeout
     * @param string|null $queue a folder for reports that are not delivered yet. Without it, reports are lost while the
     *     collector is unreachable
     * @param int $maxQueueBytes how large the queue may become. Then the oldest reports are dropped
     * @param float $timeoutSeconds how long a request to the collector may take. Half of it is for connecting
     * @param \Closure(string, int): bool|null $isReportDue whether to report this session's activity now, given its
     *     alias and the heartbeat in seconds. Default: by $_SESSION, or by APCu if no PHP session is open
     * @throws \InvalidArgumentException if an argument is invalid. The message says what to do
     */
    public function __construct(
        string $site,
        string $collector,
        #[\SensitiveParameter] string|false|null $token = null,
        #[\SensitiveParameter] string|false|null $ticketSecret = null,
        ?int $idleTimeoutSeconds = null,
        ?int $absoluteTimeoutSeconds = null,
        ?int $heartbeatSeconds = null,
        ?string $queue = null,
        int $maxQueueBytes = 16 * 1024 * 1024,
        float $timeoutSeconds = 2.0,
        private readonly ?\Closure $isReportDue = null,
    ) {
        $this->site = Arguments::readSite($site);
        $this->collector = Arguments::readCollector($collector);
        $this->ticketSecret = Arguments::readTicketSecret($ticketSecret);
        $this->idleTimeoutSeconds = Arguments::readSeconds('idleTimeoutSeconds', $idleTimeoutSeconds);
        $this->absoluteTimeoutSeconds = Arguments::readSeconds('absoluteTimeoutSeconds', $absoluteTimeoutSeconds);
        $heartbeat = Arguments::readSeconds('heartbeatSeconds', $heartbeatSeconds);
        $this->heartbeatSeconds = self::chooseHeartbeat($heartbeat, $this->idleTimeoutSeconds);
        $token = Arguments::readToken($token);
        $transport = new Transport($this->collector, $token ?? '', Arguments::readTimeout($timeoutSeconds));
        $this->sender = $token === null ? null : new Sender($transport);
        $maxBytes = Arguments::readMaxQueueBytes($maxQueueBytes);
        $this->queue = $queue === null ? null : new Queue(Arguments::readQueue($queue) . "/$this->site", $maxBytes);
    }

    /** Returns the current time in epoch milliseconds. */
    public static function now(): int
    {
        return (int) (microtime(true) * 1000);
    }

    /**
     * Describes a new session, with a random alias. Call it at sign-in and keep the result in the session's data.
     *
     * @param string|int $subject an opaque id of the user, never a name or an email address
     * @return array{subject: string, session: string, startedAt: int}
     * @throws \InvalidArgumentException if the id is invalid
     */
    public function createSession(mixed $subject): array
    {
        return [
            'subject' => Arguments::readId('subject', $subject),
            'session' => bin2hex(random_bytes(16)),
            'startedAt' => self::now(),
        ];
    }

    /**
     * Signs a ticket: a JWT with the algorithm HS256 that says whose session it is and which limits it has.
     *
     * @param string|int $subject an opaque id of the user
     * @param string|int $session the alias of the session
     * @param int|null $startedAt the time of the sign-in. With it, the ticket is always the same. Default: now
     * @throws \InvalidArgumentException if an argument is invalid, or if there is no ticketSecret
     */
    public function ticket(mixed $subject, mixed $session, ?int $startedAt = null): string
    {
        if ($this->ticketSecret === null) {
            throw new \InvalidArgumentException(
                'ticketSecret is missing: pass the secret of the site\'s ticketKeys to new Lapse().',
            );
        }
        $claims = [
            'iss' => $this->site,
            'sub' => Arguments::readId('subject', $subject),
            'sid' => Arguments::readId('session', $session),
            'iat' => intdiv(Arguments::readTime('startedAt', $startedAt) ?? self::now(), 1000),
            'idle' => $this->idleTimeoutSeconds,
            'abs' => $this->absoluteTimeoutSeconds,
        ];
        $header = self::encodeBase64Url('{"alg":"HS256","typ":"lapse+jwt"}');
        $signed = $header . '.' . self::encodeBase64Url(Json::encode(self::dropNull($claims)));
        return $signed . '.' . self::encodeBase64Url(hash_hmac('sha256', $signed, $this->ticketSecret, true));
    }

    /**
     * Renders the script tag, as HTML.
     *
     * @param Session|null $session what createSession() has returned, or null on a page without a session
     * @param string|null $nonce the nonce of the content security policy
     * @param array<string, string|int|bool|null> $attributes further attributes, such as 'data-touch-on' => 'load'.
     *     They replace the tag's own. Null and false leave an attribute out, and true leaves it empty
     * @throws \InvalidArgumentException if an argument is invalid
     */
    public function tag(?array $session, ?string $nonce = null, array $attributes = []): string
    {
        $all = array_merge([
            'src' => $this->collector . '/lapse.js',
            'defer' => true,
            'nonce' => Arguments::readNonce($nonce),
            'data-site' => $this->site,
            'data-idle-timeout-seconds' => $this->idleTimeoutSeconds,
            'data-state' => $session === null ? 'absent' : 'active',
        ], $this->describeForTag($session), $attributes);
        $tag = '<script';
        foreach ($all as $name => $value) {
            $tag .= self::renderAttribute((string) $name, $value);
        }
        return $tag . '></script>';
    }

    /**
     * Reports that a session is in use, at most once per heartbeatSeconds. Call it in each request that extends the
     * session.
     *
     * @param string|int $subject an opaque id of the user
     * @param string|int $session the alias of the session
     * @param int|null $startedAt the time of the sign-in
     * @param int|null $lastAccessAt when the session was used. Default: now
     * @throws \InvalidArgumentException if an argument is invalid, or if there is no token
     */
    public function active(mixed $subject, mixed $session, ?int $startedAt = null, ?int $lastAccessAt = null): void
    {
        $this->requireToken('active');
        $alias = Arguments::readId('session', $session);
        $report = [
            'site' => $this->site,
            'session' => $alias,
            'subject' => Arguments::readId('subject', $subject),
            'startedAt' => Arguments::readTime('startedAt', $startedAt),
            'lastAccessAt' => Arguments::readTime('lastAccessAt', $lastAccessAt) ?? self::now(),
            'heartbeatSeconds' => $this->heartbeatSeconds,
        ];
        $this->lastAccess = [$alias => $report['lastAccessAt']];
        if ($this->takeTurn($alias)) {
            $this->add('activity', $report);
        }
    }

    /**
     * Reports that a session has ended. Call it before you end the session.
     *
     * @param string|int $session the alias of the session
     * @param string|int|null $subject an opaque id of the user
     * @param string|null $reason idle_timeout, absolute_timeout, logout, revoked or displaced. Without it, the
     *     collector decides by the times, so lastAccessAt is required
     * @param int|null $startedAt the time of the sign-in
     * @param int|null $lastAccessAt when the session was last used. Default: what active() was told in this request. If
     *     neither is known, the collector uses the last activity report
     * @param int|null $detectedAt when the session ended. Default: now
     * @throws \InvalidArgumentException if an argument is invalid, or if there is no token
     */
    public function ended(
        mixed $session,
        mixed $subject = null,
        ?string $reason = null,
        ?int $startedAt = null,
        ?int $lastAccessAt = null,
        ?int $detectedAt = null,
    ): void {
        $this->requireToken('ended');
        $alias = Arguments::readId('session', $session);
        if ($reason !== null && !in_array($reason, self::REASONS, true)) {
            throw new \InvalidArgumentException('reason must be one of ' . implode(', ', self::REASONS) . '.');
        }
        $lastAccessAt = Arguments::readTime('lastAccessAt', $lastAccessAt) ?? $this->lastAccess[$alias] ?? null;
        if ($reason === null && $lastAccessAt === null) {
            throw new \InvalidArgumentException('lastAccessAt is missing: pass it, or pass a reason.');
        }
        $this->add('end', [
            'site' => $this->site,
            'session' => $alias,
            'subject' => $subject === null ? null : Arguments::readId('subject', $subject),
            'reason' => $reason,
            'startedAt' => Arguments::readTime('startedAt', $startedAt),
            'lastAccessAt' => $lastAccessAt,
            'detectedAt' => Arguments::readTime('detectedAt', $detectedAt) ?? self::now(),
        ]);
    }

    /**
     * Sends everything that waits: the reports of this request, and the queue. Takes less than a minute. Run it from
     * cron, as the user of the web server, and in processes that serve several requests.
     *
     * If another process is sending, or if the collector has failed and it is too early to try again, it sends nothing.
     *
     * @return int how many reports still wait in the queue
     */
    public function flush(): int
    {
        $this->deliver(self::MAX_FLUSH_SECONDS);
        return Log::attempt('The queue could not be read', fn () => $this->queue?->count()) ?? 0;
    }

    /** Leaves the secrets out of var_dump() and error pages. */
    public function __debugInfo(): array
    {
        return ['site' => $this->site, 'collector' => $this->collector];
    }

    private static function chooseHeartbeat(?int $chosen, ?int $idleTimeoutSeconds): int
    {
        $seconds = $chosen ?? min(300, max(15, intdiv($idleTimeoutSeconds ?? 0, 4)));
        return max(1, min($seconds, intdiv($idleTimeoutSeconds ?? 2 * $seconds, 2)));
    }

    /**
     * @param Session|null $session
     * @return array<string, string>
     */
    private function describeForTag(?array $session): array
    {
        if ($session === null) {
            return [];
        }
        $subject = Arguments::readId('subject', $session['subject'] ?? null);
        $alias = Arguments::readId('session', $session['session'] ?? null);
        $attributes = ['data-subject' => $subject, 'data-session' => $alias];
        if ($this->ticketSecret === null) {
            return $attributes;
        }
        if (!is_int($session['startedAt'] ?? null)) {
            throw new \InvalidArgumentException(
                'startedAt is missing: all tickets of a session need the time of its sign-in. Pass what createSession() '
                    . 'returned.',
            );
        }
        return $attributes + ['data-ticket' => $this->ticket($subject, $alias, $session['startedAt'])];
    }

    private static function renderAttribute(string $name, string|int|bool|null $value): string
    {
        if ($value === null || $value === false) {
            return '';
        }
        if (preg_match('/^[a-z][a-z0-9-]*$/D', $name) !== 1) {
            throw new \InvalidArgumentException(
                'attributes has an invalid name: use lowercase letters, digits and hyphens.',
            );
        }
        if ($value === true) {
            return ' ' . $name;
        }
        $escaped = htmlspecialchars((string) $value, ENT_QUOTES | ENT_SUBSTITUTE | ENT_HTML5, 'UTF-8');
        return " $name=\"$escaped\"";
    }

    private static function encodeBase64Url(string $bytes): string
    {
        return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
    }

    /**
     * @param array<string, mixed> $values
     * @return array<string, mixed>
     */
    private static function dropNull(array $values): array
    {
        return array_filter($values, fn (mixed $value): bool => $value !== null);
    }

    private function requireToken(string $method): void
    {
        if ($this->sender === null) {
            throw new \InvalidArgumentException(
                "token is missing: $method() needs one. Create it with \"lapse token create --scope write\" and pass "
                    . 'it to new Lapse().',
            );
        }
    }

    /** Returns whether the session's activity should be reported now. If so, the next turn is a heartbeat later. */
    private function takeTurn(string $alias): bool
    {
        if ($this->isReportDue !== null) {
            try {
                return ($this->isReportDue)($alias, $this->heartbeatSeconds);
            } catch (\Throwable $error) {
                Log::write("isReportDue failed: {$error->getMessage()}");
                return true;
            }
        }
        if (session_status() === PHP_SESSION_ACTIVE) {
            return $this->takeTurnInSession($alias);
        }
        if (function_exists('apcu_enabled') && apcu_enabled()) {
            return apcu_add("lapse:$this->site:$alias", true, $this->heartbeatSeconds);
        }
        return true;
    }

    private function takeTurnInSession(string $alias): bool
    {
        $key = "lapse.$this->site";
        $last = $_SESSION[$key] ?? null;
        // The application may have changed what is there.
        $isKnown = is_array($last) && ($last['session'] ?? null) === $alias && is_int($last['at'] ?? null);
        $sinceMs = self::now() - ($isKnown ? $last['at'] : 0);
        // After the clock was set back, the time is negative.
        if ($sinceMs >= 0 && $sinceMs < $this->heartbeatSeconds * 1000) {
            return false;
        }
        $_SESSION[$key] = ['session' => $alias, 'at' => self::now()];
        return true;
    }

    /** @param array<string, mixed> $report */
    private function add(string $kind, array $report): void
    {
        if (count($this->buffer) === self::MAX_BUFFERED) {
            $this->store();
        }
        if (count($this->buffer) === self::MAX_BUFFERED) {
            array_shift($this->buffer);
            Log::write(
                'The oldest report of this process was dropped. Call flush() in processes that serve several requests.',
            );
        }
        $client = 'php-' . self::VERSION;
        $this->buffer[] = ['kind' => $kind, 'report' => self::dropNull($report) + ['client' => $client]];
        if (!$this->isScheduled) {
            $this->isScheduled = true;
            // Registered twice, it runs after the shutdown functions that the application registers later.
            register_shutdown_function(fn () => register_shutdown_function($this->finish(...)));
        }
    }

    /** Runs at the end of the request. */
    private function finish(): void
    {
        if ($this->buffer === []) {
            return;
        }
        ignore_user_abort(true);
        if (PHP_SAPI !== 'cli' && !self::canHandOver()) {
            // The user would wait for the collector. So reports are only sent if they cannot be written to the queue.
            $this->store();
            if ($this->buffer !== []) {
                self::handOver();
                $this->sendBuffer(self::MAX_SECONDS_AFTER_RESPONSE);
            }
            return;
        }
        self::handOver();
        $this->deliver(self::MAX_SECONDS_AFTER_RESPONSE);
    }

    private static function canHandOver(): bool
    {
        return function_exists('fastcgi_finish_request') || function_exists('litespeed_finish_request');
    }

    /** Completes the response, as far as PHP can, and releases the lock of the session for the user's next request. */
    private static function handOver(): void
    {
        if (session_status() === PHP_SESSION_ACTIVE) {
            session_write_close();
        }
        if (function_exists('fastcgi_finish_request')) {
            fastcgi_finish_request();
        } elseif (function_exists('litespeed_finish_request')) {
            litespeed_finish_request();
        } elseif (PHP_SAPI !== 'cli') {
            while ((ob_get_status()['flags'] ?? 0) & PHP_OUTPUT_HANDLER_REMOVABLE) {
                ob_end_flush();
            }
            flush();
        }
    }

    private function deliver(float $maxSeconds): void
    {
        $until = microtime(true) + $maxSeconds;
        $this->store();
        if ($this->queue !== null && $this->sender !== null) {
            Log::attempt('The queue could not be sent', fn () => $this->queue->deliver($this->sender, $until));
        }
        $this->sendBuffer($maxSeconds);
    }

    /** Moves the reports of this request into the queue, if there is one. */
    private function store(): void
    {
        if ($this->queue === null) {
            return;
        }
        $failure = 'Reports could not be written to the queue. Check its folder, and run flush() as the user of the '
            . 'web server';
        Log::attempt($failure, function (): void {
            $this->queue->append($this->buffer);
            $this->buffer = [];
        });
    }

    /** Sends the reports that are not in the queue. */
    private function sendBuffer(float $maxSeconds): void
    {
        [$entries, $this->buffer] = [$this->buffer, []];
        if ($entries === []) {
            return;
        }
        $until = microtime(true) + $maxSeconds;
        $outcome = Log::attempt('Reports could not be sent', fn () => $this->sender?->send($entries, $until));
        if ($outcome !== null && $outcome->rest !== []) {
            $reason = $outcome->failure?->getMessage() ?? 'There was not enough time.';
            $count = count($outcome->rest);
            Log::write("Reports dropped: $count. $reason Set a queue to keep them.");
        }
    }
}

/**
 * Checks what the application passes.
 *
 * @internal
 */
final class Arguments
{
    /** The collector accepts no longer limits: 400 days. */
    private const MAX_SECONDS = 34_560_000;
    private const MIN_SECRET_BYTES = 32;
    /** 2000-01-01 and the end of the year 9999, in epoch milliseconds. */
    private const MIN_TIME = 946_684_800_000;
    private const MAX_TIME = 253_402_300_799_999;
    /** Control characters, line separators and characters that change the direction of text. */
    private const UNSAFE = '\p{Cc}\p{Zl}\p{Zp}\x{61C}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2066}-\x{2069}';

    public static function readSite(string $site): string
    {
        self::check(
            preg_match('/^[A-Za-z0-9_-]{1,64}$/D', $site) === 1,
            'site must be the name of the site in the collector\'s configuration: 1 to 64 letters, digits, hyphens and '
                . 'underscores.',
        );
        return $site;
    }

    public static function readCollector(string $collector): string
    {
        self::check(
            preg_match('~^https?://[^\x00-\x20/?#@\\\\]+(/[^\x00-\x20?#\\\\]*)?$~Di', $collector) === 1
                && parse_url($collector) !== false,
            'collector must be an absolute URL such as https://lapse.acme.com, without credentials, query and '
                . 'fragment.',
        );
        return rtrim($collector, '/');
    }

    public static function readToken(#[\SensitiveParameter] string|false|null $token): ?string
    {
        if ($token === null) {
            return null;
        }
        self::check(
            $token !== false && $token !== '',
            'token is empty: check the environment variable that has it, or create one with '
                . '"lapse token create --scope write".',
        );
        self::check(
            preg_match('/^[\x21-\x7E]+$/D', (string) $token) === 1,
            'token has a space, a line break or another character that no token has: remove it.',
        );
        return (string) $token;
    }

    public static function readTicketSecret(#[\SensitiveParameter] string|false|null $secret): ?string
    {
        if ($secret === null) {
            return null;
        }
        self::check(
            $secret !== false && strlen($secret) >= self::MIN_SECRET_BYTES,
            'ticketSecret must have at least 32 bytes: check the environment variable that has it, or create one with '
                . '"openssl rand -base64 32".',
        );
        return (string) $secret;
    }

    public static function readSeconds(string $name, ?int $seconds): ?int
    {
        self::check(
            $seconds === null || ($seconds >= 1 && $seconds <= self::MAX_SECONDS),
            "$name must be a number of seconds, at least 1 and at most " . self::MAX_SECONDS . ' (400 days).',
        );
        return $seconds;
    }

    public static function readTimeout(float $seconds): float
    {
        self::check($seconds >= 0.01 && $seconds <= 60, 'timeoutSeconds must be at least 0.01 and at most 60.');
        return $seconds;
    }

    public static function readQueue(string $folder): string
    {
        self::check(
            preg_match('~^(/|[A-Za-z]:[/\\\\]|\\\\\\\\)[^\x00]+$~D', $folder) === 1,
            'queue must be the absolute path of a folder, such as /var/lib/acme/lapse. Choose one that the web server '
                . 'does not serve.',
        );
        return rtrim($folder, '/\\');
    }

    public static function readMaxQueueBytes(int $bytes): int
    {
        self::check($bytes >= 65_536, 'maxQueueBytes must be at least 65536 (64 KiB).');
        return $bytes;
    }

    public static function readNonce(?string $nonce): ?string
    {
        self::check(
            $nonce === null || preg_match('~^[A-Za-z0-9+/_-]+={0,2}$~D', $nonce) === 1,
            'nonce must be in Base64, as in the header Content-Security-Policy.',
        );
        return $nonce;
    }

    /** The parameter has no type, so that PHP does not convert a float or a boolean, which is no id. */
    public static function readId(string $name, mixed $id): string
    {
        self::check(
            is_string($id) || is_int($id),
            "$name must be a string or an integer, not " . get_debug_type($id) . '.',
        );
        $text = (string) $id;
        self::check(
            preg_match('/^[^' . self::UNSAFE . ']{1,255}$/Du', $text) === 1,
            "$name must be 1 to 255 characters of UTF-8 text without control characters. Encode a binary id with "
                . 'bin2hex(), or pass a hash of the id.',
        );
        return $text;
    }

    public static function readTime(string $name, ?int $time): ?int
    {
        self::check(
            $time === null || $time >= self::MIN_TIME,
            "$name is before the year 2000: it looks like seconds. Multiply it by 1000, or use Lapse::now().",
        );
        self::check(
            $time === null || $time <= self::MAX_TIME,
            "$name is after the year 9999: it must be in milliseconds since 1970.",
        );
        return $time;
    }

    private static function check(bool $isValid, string $message): void
    {
        if (!$isValid) {
            throw new \InvalidArgumentException($message);
        }
    }
}

/** @internal */
final class Json
{
    public static function encode(mixed $value): string
    {
        return json_encode($value, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
    }

    /** Returns null if the text is not JSON. */
    public static function decode(string $text): mixed
    {
        return json_decode($text, true, 64);
    }
}

/** @internal */
final class Log
{
    private const MAX_BYTES = 1000;

    public static function write(string $message): void
    {
        // What the collector has answered may contain line breaks, which could forge an entry of the log.
        error_log('Lapse: ' . preg_replace('/[\x00-\x1F\x7F]+/', ' ', substr($message, 0, self::MAX_BYTES)));
    }

    /**
     * Runs a function. If it fails, logs that and returns null. Warnings of PHP count as failures here, and do not
     * reach the error handler of the application.
     *
     * @template T
     * @param callable(): T $run
     * @return T|null
     */
    public static function attempt(string $failure, callable $run): mixed
    {
        set_error_handler(static function (int $severity, string $message): bool {
            if ($severity === E_DEPRECATED) {
                return true;
            }
            throw new \ErrorException($message, severity: $severity);
        });
        try {
            return $run();
        } catch (\Throwable $error) {
            self::write("$failure: {$error->getMessage()}");
            return null;
        } finally {
            restore_error_handler();
        }
    }
}

/**
 * The collector did not accept a request, but may accept it later.
 *
 * @internal
 */
final class Unavailable extends \RuntimeException
{
    public function __construct(string $message, public readonly ?int $retryAfterSeconds = null)
    {
        parent::__construct($message);
    }
}

/** @internal */
final class Outcome
{
    /** @param list<array{kind: string, report: array<string, mixed>}> $rest what is not delivered */
    public function __construct(public readonly array $rest, public readonly ?Unavailable $failure = null)
    {
    }
}

/** @internal */
final class Answer
{
    public function __construct(
        public readonly int $status,
        public readonly string $body,
        public readonly ?string $retryAfter,
    ) {
    }
}

/**
 * Sends reports in batches.
 *
 * @internal
 */
final class Sender
{
    private const PATHS = ['activity' => '/v1/activity', 'end' => '/v1/lapses'];
    private const MAX_BATCH_REPORTS = 500;
    /** The collector reads 256 KiB. The rest is for sentAt, which is added last. */
    private const MAX_BATCH_BYTES = 240_000;
    /** The collector, or a proxy before it, refuses the request itself. It would refuse it again. */
    private const REFUSALS = [400, 413, 415, 422];
    private const MAX_LOGGED_REJECTIONS = 10;
    private const MAX_RETRY_AFTER_SECONDS = 3600;

    public function __construct(private readonly Transport $transport)
    {
    }

    /**
     * Sends reports until all are sent, one fails or the time is over.
     *
     * @param list<array{kind: string, report: array<string, mixed>}> $entries
     * @param float $until a time in seconds since 1970
     */
    public function send(array $entries, float $until): Outcome
    {
        $batches = self::split(self::mergeIntoEnds($entries));
        while ($batches !== []) {
            if (microtime(true) >= $until) {
                return new Outcome(array_merge(...$batches));
            }
            try {
                $this->sendBatch($batches[0]);
            } catch (Unavailable $failure) {
                return new Outcome(array_merge(...$batches), $failure);
            }
            array_shift($batches);
        }
        return new Outcome([]);
    }

    /**
     * Merges the activity of a session into the end that follows. Each request takes its own time, by which the
     * collector moves the times of its reports. So activity just before the end could look like activity after the end.
     *
     * @param list<array{kind: string, report: array<string, mixed>}> $entries
     * @return list<array{kind: string, report: array<string, mixed>}>
     */
    private static function mergeIntoEnds(array $entries): array
    {
        $ends = [];
        for ($index = count($entries) - 1; $index >= 0; $index--) {
            ['kind' => $kind, 'report' => $report] = $entries[$index];
            $session = $report['session'] ?? '';
            if ($kind === 'end') {
                $ends[$session] = $index;
            } elseif (isset($ends[$session])) {
                $end = &$entries[$ends[$session]]['report'];
                $lastAccessAt = max($end['lastAccessAt'] ?? 0, $report['lastAccessAt'] ?? 0);
                $end = ['lastAccessAt' => $lastAccessAt] + $end + $report;
                unset($end['heartbeatSeconds'], $entries[$index], $end);
            }
        }
        return array_values($entries);
    }

    /**
     * Activity comes first, so that the end of a session has the last word.
     *
     * @param list<array{kind: string, report: array<string, mixed>}> $entries
     * @return list<non-empty-list<array{kind: string, report: array<string, mixed>}>>
     */
    private static function split(array $entries): array
    {
        $batches = [];
        foreach (array_keys(self::PATHS) as $kind) {
            $batch = [];
            $bytes = 0;
            foreach ($entries as $entry) {
                if ($entry['kind'] !== $kind) {
                    continue;
                }
                $size = strlen(Json::encode($entry['report']));
                $isFull = count($batch) === self::MAX_BATCH_REPORTS || $bytes + $size > self::MAX_BATCH_BYTES;
                if ($batch !== [] && $isFull) {
                    $batches[] = $batch;
                    $batch = [];
                    $bytes = 0;
                }
                $batch[] = $entry;
                $bytes += $size;
            }
            if ($batch !== []) {
                $batches[] = $batch;
            }
        }
        return $batches;
    }

    /** @param non-empty-list<array{kind: string, report: array<string, mixed>}> $batch reports of one kind */
    private function sendBatch(array $batch): void
    {
        // The collector compares its clock with this time.
        $sentAt = Lapse::now();
        $reports = array_map(fn (array $entry): array => ['sentAt' => $sentAt] + $entry['report'], $batch);
        $answer = $this->transport->post(self::PATHS[$batch[0]['kind']], Json::encode($reports));
        if (in_array($answer->status, self::REFUSALS, true)) {
            $this->handleRefusal($batch, $answer);
            return;
        }
        $body = Json::decode($answer->body);
        // A proxy may answer with a page and the status 200.
        if ($answer->status !== 200 || !is_int($body['accepted'] ?? null)) {
            throw new Unavailable(self::describe($answer), self::readRetryAfter($answer->retryAfter));
        }
        $rejected = is_array($body['rejected'] ?? null) ? $body['rejected'] : [];
        self::requireKnownSite($rejected);
        self::logRejections($rejected, $batch);
    }

    /**
     * A refusal may be due to one report, or to the size of the request. So smaller batches may be accepted.
     *
     * @param non-empty-list<array{kind: string, report: array<string, mixed>}> $batch
     */
    private function handleRefusal(array $batch, Answer $answer): void
    {
        if (count($batch) === 1) {
            $session = $batch[0]['report']['session'] ?? '';
            Log::write("A report of the session \"$session\" was dropped. " . self::describe($answer));
            return;
        }
        foreach (array_chunk($batch, (int) ceil(count($batch) / 2)) as $half) {
            $this->sendBatch($half);
        }
    }

    private static function describe(Answer $answer): string
    {
        return "The collector answered with $answer->status: " . substr($answer->body, 0, 300);
    }

    /** The header has a number of seconds or a date. */
    private static function readRetryAfter(?string $value): ?int
    {
        $date = $value === null || ctype_digit($value) ? false : strtotime($value);
        $seconds = $date === false ? $value : $date - time();
        return is_numeric($seconds) ? max(1, min((int) $seconds, self::MAX_RETRY_AFTER_SECONDS)) : null;
    }

    /** An unknown site is not the reports' fault: they can be stored as soon as somebody has configured it. */
    private static function requireKnownSite(array $rejected): void
    {
        foreach ($rejected as $rejection) {
            $errors = is_array($rejection['errors'] ?? null) ? $rejection['errors'] : [];
            if (in_array('#/site', array_column($errors, 'pointer'), true)) {
                throw new Unavailable('The collector does not know the site: ' . Json::encode($errors) . '.');
            }
        }
    }

    /** @param non-empty-list<array{kind: string, report: array<string, mixed>}> $batch */
    private static function logRejections(array $rejected, array $batch): void
    {
        foreach (array_slice($rejected, 0, self::MAX_LOGGED_REJECTIONS) as $rejection) {
            $index = is_int($rejection['index'] ?? null) ? $rejection['index'] : -1;
            $session = $batch[$index]['report']['session'] ?? '';
            $errors = Json::encode($rejection['errors'] ?? null);
            Log::write("A report of the session \"$session\" was dropped, because the collector rejected it: $errors");
        }
        $more = count($rejected) - self::MAX_LOGGED_REJECTIONS;
        if ($more > 0) {
            Log::write("Further reports that the collector rejected and that were dropped: $more.");
        }
    }
}

/**
 * Sends requests to the collector, with the curl extension or without it.
 *
 * @internal
 */
final class Transport
{
    private const MAX_ANSWER_BYTES = 1_048_576;
    private const CHUNK_BYTES = 8192;

    public function __construct(
        private readonly string $collector,
        #[\SensitiveParameter] private readonly string $token,
        private readonly float $timeoutSeconds,
    ) {
    }

    /** @throws Unavailable if there is no complete answer in time */
    public function post(string $path, string $body): Answer
    {
        $headers = [
            "Authorization: Bearer $this->token",
            'Content-Type: application/json',
            'User-Agent: lapse-php/' . Lapse::VERSION,
        ];
        try {
            return function_exists('curl_init')
                ? $this->postWithCurl($this->collector . $path, $headers, $body)
                : $this->postWithSocket($this->collector . $path, $headers, $body);
        } catch (\ErrorException $error) {
            throw new Unavailable("$this->collector: {$error->getMessage()}.");
        }
    }

    /** @param list<string> $headers */
    private function postWithCurl(string $url, array $headers, string $body): Answer
    {
        $received = '';
        $retryAfter = null;
        $curl = curl_init($url);
        curl_setopt_array($curl, [
            CURLOPT_POSTFIELDS => $body,
            // Without "Expect", curl does not wait for permission to send a large body.
            CURLOPT_HTTPHEADER => [...$headers, 'Expect:'],
            CURLOPT_CONNECTTIMEOUT_MS => (int) ceil($this->timeoutSeconds * 500),
            CURLOPT_TIMEOUT_MS => (int) ceil($this->timeoutSeconds * 1000),
            CURLOPT_NOSIGNAL => true,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_HEADERFUNCTION => function ($curl, string $line) use (&$retryAfter): int {
                if (preg_match('/^retry-after:\s*(.*?)\s*$/Di', $line, $match) === 1) {
                    $retryAfter = $match[1];
                }
                return strlen($line);
            },
            // To return another number than the length aborts the transfer.
            CURLOPT_WRITEFUNCTION => function ($curl, string $chunk) use (&$received): int {
                $received .= $chunk;
                return strlen($received) > self::MAX_ANSWER_BYTES ? 0 : strlen($chunk);
            },
        ]);
        if (curl_exec($curl) === false) {
            throw new Unavailable("$this->collector: " . curl_error($curl) . '.');
        }
        return new Answer(curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $received, $retryAfter);
    }

    /**
     * PHP's own HTTP client has no limit on the whole time, so this speaks HTTP/1.0, which needs few lines.
     *
     * @param list<string> $headers
     */
    private function postWithSocket(string $url, array $headers, string $body): Answer
    {
        $until = microtime(true) + $this->timeoutSeconds;
        ['scheme' => $scheme, 'host' => $host] = $parts = parse_url($url);
        $isTls = strtolower($scheme) === 'https';
        $port = $parts['port'] ?? ($isTls ? 443 : 80);
        $address = ($isTls ? 'tls' : 'tcp') . "://$host:$port";
        $socket = stream_socket_client($address, $code, $message, $this->timeoutSeconds / 2);
        $lines = [
            "POST {$parts['path']} HTTP/1.0",
            "Host: $host:$port",
            ...$headers,
            'Content-Length: ' . strlen($body),
            'Connection: close',
        ];
        $request = implode("\r\n", $lines) . "\r\n\r\n" . $body;
        for ($sent = 0; $sent < strlen($request); $sent += $written) {
            $this->limit($socket, $until);
            $written = (int) fwrite($socket, substr($request, $sent, self::CHUNK_BYTES));
            if ($written === 0) {
                throw $this->createTimeout();
            }
        }
        return $this->readAnswer($socket, $until);
    }

    /** @param resource $socket */
    private function readAnswer($socket, float $until): Answer
    {
        $received = '';
        while (!feof($socket)) {
            $this->limit($socket, $until);
            $received .= fread($socket, self::CHUNK_BYTES);
            if (stream_get_meta_data($socket)['timed_out']) {
                throw $this->createTimeout();
            }
            if (strlen($received) > self::MAX_ANSWER_BYTES) {
                throw new Unavailable("$this->collector: the answer is too long.");
            }
        }
        fclose($socket);
        if (preg_match('~^HTTP/1\.\d (\d{3})[^\n]*\n(.*?)\r?\n\r?\n(.*)$~Ds', $received, $match) !== 1) {
            throw new Unavailable("$this->collector: the answer is not HTTP.");
        }
        preg_match('/^retry-after:[ \t]*(.*?)\s*$/im', $match[2], $retryAfter);
        return new Answer((int) $match[1], $match[3], $retryAfter[1] ?? null);
    }

    /** @param resource $socket */
    private function limit($socket, float $until): void
    {
        $microseconds = (int) (($until - microtime(true)) * 1e6);
        if ($microseconds <= 0) {
            throw $this->createTimeout();
        }
        stream_set_timeout($socket, intdiv($microseconds, 1_000_000), $microseconds % 1_000_000);
    }

    private function createTimeout(): Unavailable
    {
        return new Unavailable("$this->collector: no complete answer after $this->timeoutSeconds seconds.");
    }
}

/**
 * Keeps reports in a folder until they are delivered.
 *
 * Reports are appended to one file, a line each. The sender renames it, and nobody writes to a renamed file but the
 * sender. So writing waits only for other writers, never for the collector.
 *
 * @internal
 */
final class Queue
{
    private const OPEN = 'open.ndjson';
    private const MAX_FILE_BYTES = 131_072;
    private const MAX_PAUSE_SECONDS = 300;
    /** Small files are delivered together, up to this number of reports. */
    private const MIN_DELIVERY = 500;

    public function __construct(private readonly string $folder, private readonly int $maxBytes)
    {
    }

    /** @param list<array{kind: string, report: array<string, mixed>}> $entries */
    public function append(array $entries): void
    {
        if ($entries === []) {
            return;
        }
        $this->createFolder();
        $lines = self::formatLines($entries);
        $this->withWriterLock(function () use ($lines): void {
            $size = $this->write($lines);
            if ($size >= min(self::MAX_FILE_BYTES, intdiv($this->maxBytes, 8))) {
                $this->close();
                $this->dropOldest();
            }
        });
    }

    /** Appends lines and returns the size of the file. */
    private function write(string $lines): int
    {
        $file = $this->open(self::OPEN);
        fseek($file, 0, SEEK_END);
        $size = ftell($file);
        // A process may have been killed while it wrote the last line.
        if ($size > 0) {
            fseek($file, -1, SEEK_END);
            $lines = (fread($file, 1) === "\n" ? '' : "\n") . $lines;
            fseek($file, 0, SEEK_END);
        }
        try {
            $isComplete = fwrite($file, $lines) === strlen($lines) && fflush($file);
        } catch (\ErrorException) {
            $isComplete = false;
        }
        if (!$isComplete) {
            ftruncate($file, $size);
            throw new \RuntimeException('the disk is full, or the file cannot be written');
        }
        fclose($file);
        return $size + strlen($lines);
    }

    /** Delivers the queue, unless another process does or it is too early after a failure. */
    public function deliver(Sender $sender, float $until): void
    {
        if (!is_dir($this->folder) || $this->isPaused()) {
            return;
        }
        $lock = $this->open('sender.lock');
        // The pause may have begun while another process had the lock.
        if (!flock($lock, LOCK_EX | LOCK_NB) || $this->isPaused()) {
            return;
        }
        $files = $this->withWriterLock(function (): array {
            $this->close();
            return $this->listClosed();
        });
        while ($files !== [] && microtime(true) < $until && $this->deliverNext($files, $sender, $until)) {
            // The next files.
        }
        fclose($lock);
    }

    /**
     * Delivers the oldest files together, and takes them from the list.
     *
     * @param list<string> $files
     * @return bool whether the collector has accepted them
     */
    private function deliverNext(array &$files, Sender $sender, float $until): bool
    {
        $taken = [];
        $entries = [];
        while ($files !== [] && count($entries) < self::MIN_DELIVERY) {
            $taken[] = $file = array_shift($files);
            array_push($entries, ...$this->withWriterLock(fn (): array => $this->read($file)));
        }
        $outcome = $sender->send($entries, $until);
        $this->withWriterLock(fn () => $this->replace($taken, $outcome->rest));
        if ($outcome->failure !== null) {
            $this->pause($outcome->failure);
        } elseif ($entries !== [] && $this->readPause()['failures'] > 0) {
            $this->writePause(until: 0, failures: 0);
        }
        return $outcome->failure === null;
    }

    /** Counts the reports that wait. */
    public function count(): int
    {
        if (!is_dir($this->folder)) {
            return 0;
        }
        return $this->withWriterLock(function (): int {
            $files = [...$this->listClosed(), $this->path(self::OPEN)];
            return array_sum(array_map(self::countLines(...), $files));
        });
    }

    private function path(string $name): string
    {
        return "$this->folder/$name";
    }

    private function createFolder(): void
    {
        // Another process may create it at the same time.
        if (!is_dir($this->folder)) {
            try {
                mkdir($this->folder, 0700, true);
            } catch (\ErrorException $error) {
                clearstatcache();
                is_dir($this->folder) || throw $error;
            }
        }
    }

    /** @return resource */
    private function open(string $name)
    {
        $path = $this->path($name);
        clearstatcache();
        $isNew = !is_file($path);
        $file = fopen($path, 'c+');
        if ($isNew) {
            chmod($path, 0600);
        }
        return $file;
    }

    /**
     * Whoever changes or reads the files that reports are in has this lock, for a few milliseconds.
     *
     * @template T
     * @param callable(): T $run
     * @return T
     */
    private function withWriterLock(callable $run): mixed
    {
        $lock = $this->open('writer.lock');
        flock($lock, LOCK_EX);
        try {
            return $run();
        } finally {
            fclose($lock);
        }
    }

    /** Renames the file that is written to. The names of the others are in the order of time. */
    private function close(): void
    {
        $open = $this->path(self::OPEN);
        clearstatcache();
        if (is_file($open) && filesize($open) > 0) {
            $name = sprintf('%016d-%s.ndjson', (int) (microtime(true) * 1e6), bin2hex(random_bytes(4)));
            rename($open, $this->path($name));
        }
    }

    /** @return list<string> */
    private function listClosed(): array
    {
        $names = preg_grep('/^\d+-[0-9a-f]+\.ndjson$/D', scandir($this->folder));
        return array_map($this->path(...), array_values($names));
    }

    private function dropOldest(): void
    {
        clearstatcache();
        $files = $this->listClosed();
        $bytes = array_sum(array_map(filesize(...), $files));
        while ($bytes > $this->maxBytes && count($files) > 1) {
            $oldest = array_shift($files);
            $bytes -= filesize($oldest);
            $count = self::countLines($oldest);
            unlink($oldest);
            Log::write(
                "The queue $this->folder is full. Oldest reports dropped: $count. Check that the collector is "
                    . 'reachable, and run flush() from cron.',
            );
        }
    }

    private static function countLines(string $file): int
    {
        return is_file($file) ? substr_count((string) file_get_contents($file), "\n") : 0;
    }

    /** @return list<array{kind: string, report: array<string, mixed>}> */
    private function read(string $file): array
    {
        // It is missing if it was dropped, because the queue was full.
        $content = is_file($file) ? (string) file_get_contents($file) : '';
        $lines = array_filter(explode("\n", $content), fn (string $line): bool => $line !== '');
        $entries = array_map(Json::decode(...), $lines);
        $valid = array_filter($entries, self::isEntry(...));
        $damaged = count($entries) - count($valid);
        if ($damaged > 0) {
            Log::write("Damaged lines dropped from the queue file $file: $damaged.");
        }
        return array_values($valid);
    }

    private static function isEntry(mixed $entry): bool
    {
        return in_array($entry['kind'] ?? null, ['activity', 'end'], true) && is_array($entry['report'] ?? null);
    }

    /** @param list<array{kind: string, report: array<string, mixed>}> $entries */
    private static function formatLines(array $entries): string
    {
        return implode('', array_map(fn (array $entry): string => Json::encode($entry) . "\n", $entries));
    }

    /**
     * @param non-empty-list<string> $files
     * @param list<array{kind: string, report: array<string, mixed>}> $rest
     */
    private function replace(array $files, array $rest): void
    {
        if ($rest !== []) {
            $kept = array_shift($files);
            $this->writeFile($kept, self::formatLines($rest));
        }
        foreach (array_filter($files, is_file(...)) as $file) {
            unlink($file);
        }
    }

    /** Nobody sees a file that is written only in part. */
    private function writeFile(string $file, string $content): void
    {
        $temporary = "$file.tmp";
        if (file_put_contents($temporary, $content) !== strlen($content)) {
            throw new \RuntimeException("$temporary could not be written");
        }
        chmod($temporary, 0600);
        rename($temporary, $file);
    }

    private function isPaused(): bool
    {
        return $this->readPause()['until'] > Lapse::now();
    }

    /** @return array{until: int, failures: int} */
    private function readPause(): array
    {
        $file = $this->path('pause.json');
        $pause = is_file($file) ? Json::decode((string) file_get_contents($file)) : null;
        $until = is_int($pause['until'] ?? null) ? $pause['until'] : 0;
        // A wrong clock must not stop the queue for longer than Retry-After could.
        $isSensible = $until <= Lapse::now() + 3_600_000;
        $failures = is_int($pause['failures'] ?? null) ? $pause['failures'] : 0;
        return ['until' => $isSensible ? $until : 0, 'failures' => $failures];
    }

    /** While the collector fails, one process at a time tries again, less and less often. */
    private function pause(Unavailable $failure): void
    {
        $failures = min($this->readPause()['failures'] + 1, 30);
        $seconds = $failure->retryAfterSeconds ?? min(self::MAX_PAUSE_SECONDS, 2 ** ($failures - 1));
        $this->writePause(Lapse::now() + $seconds * 1000, $failures);
        Log::write("{$failure->getMessage()} Reports wait in $this->folder. Next attempt after $seconds seconds.");
    }

    private function writePause(int $until, int $failures): void
    {
        $this->writeFile($this->path('pause.json'), Json::encode(['until' => $until, 'failures' => $failures]));
    }
}
