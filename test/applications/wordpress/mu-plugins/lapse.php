<?php
/**
 * Plugin Name: Lapse
 * Description: Tells Lapse which pages have a session. Copy this file to wp-content/mu-plugins, and Lapse.php to
 * wp-content/mu-plugins/lapse.
 *
 * In wp-config.php, define LAPSE_URL (the collector), LAPSE_SITE (the site in its configuration) and
 * LAPSE_TICKET_SECRET (the secret of its ticketKeys). If a plugin ends idle sessions, define LAPSE_IDLE_TIMEOUT_SECONDS
 * too.
 */

defined('ABSPATH') || exit;

require_once __DIR__ . '/lapse/Lapse.php';

$lapse = new Lapse\Lapse(
    site: LAPSE_SITE,
    collector: LAPSE_URL,
    ticketSecret: LAPSE_TICKET_SECRET,
    idleTimeoutSeconds: defined('LAPSE_IDLE_TIMEOUT_SECONDS') ? LAPSE_IDLE_TIMEOUT_SECONDS : null,
);

// The alias is a random id in the session's data. The session's own token must stay secret.
add_filter('attach_session_information', function (array $session, int $user_id) use ($lapse): array {
    return $session + ['lapse' => $lapse->createSession($user_id)];
}, 10, 2);

// The request that signs in has no current user yet, but its page may be the last one: the interim login has no other.
add_action('set_logged_in_cookie', function ($cookie, $expire, $expiration, $user_id, $scheme, $token): void {
    $GLOBALS['lapse_session'] = [$user_id, $token];
}, 10, 6);

$lapse_print_tag = function () use ($lapse): void {
    [$user_id, $token] = $GLOBALS['lapse_session'] ?? [get_current_user_id(), wp_get_session_token()];
    $session = $user_id ? WP_Session_Tokens::get_instance($user_id)->get($token) : null;
    // A session that began before this plugin was installed cannot be described.
    if ($session && !isset($session['lapse'])) {
        return;
    }
    // The editor's requests extend the session, but the heartbeat does not (see idle-timeout.php).
    $requests = $lapse->idleTimeoutSeconds ? 'wp-json|rest_route' : null;
    echo $lapse->tag($session['lapse'] ?? null, attributes: ['data-requests' => $requests]), "\n";
};
foreach (['wp_footer', 'admin_footer', 'login_footer'] as $hook) {
    add_action($hook, $lapse_print_tag);
}

// WordPress has several sign-out links, so the server removes the marker. Without a user, the session has expired
// before: the marker stays, and the login page reports the timeout.
add_action('wp_logout', function (int $user_id): void {
    if ($user_id) {
        setcookie('lapse-' . LAPSE_SITE, '', ['expires' => 1, 'path' => '/']);
    }
});

// The heartbeat answers 200 without a session too, but it says so. Report that once, because its next answer may be
// older than a new sign-in.
add_action('admin_enqueue_scripts', function (): void {
    wp_add_inline_script('wp-auth-check', <<<'JS'
        let lapseHasSession = true
        jQuery(document).on('heartbeat-tick', (event, data) => {
            const hasSession = data['wp-auth-check'] ?? lapseHasSession
            if (lapseHasSession && !hasSession) window.Lapse?.absent?.()
            lapseHasSession = hasSession
        })
        JS);
});
