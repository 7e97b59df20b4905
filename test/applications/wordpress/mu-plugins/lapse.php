<?php
/**
 * Plugin Name: Lapse
 * Description: Tells Lapse which pages have a session. Copy this file to wp-content/mu-plugins.
 *
 * In wp-config.php, define LAPSE_URL (the collector) and LAPSE_SITE (the site in its configuration). If a plugin ends
 * idle sessions, define LAPSE_IDLE_TIMEOUT_SECONDS too.
 */

defined('ABSPATH') || exit;

// The alias is a random id in the session's data. The session's own token must stay secret.
add_filter('attach_session_information', function (array $session): array {
    return $session + ['lapse_alias' => bin2hex(random_bytes(16))];
});

// The request that signs in has no current user yet, but its page may be the last one: the interim login has no other.
add_action('set_logged_in_cookie', function ($cookie, $expire, $expiration, $user_id, $scheme, $token): void {
    $GLOBALS['lapse_session'] = [$user_id, $token];
}, 10, 6);

function lapse_print_tag(): void
{
    [$user_id, $token] = $GLOBALS['lapse_session'] ?? [get_current_user_id(), wp_get_session_token()];
    $session = $user_id ? WP_Session_Tokens::get_instance($user_id)->get($token) : null;
    $idle_timeout = defined('LAPSE_IDLE_TIMEOUT_SECONDS') ? LAPSE_IDLE_TIMEOUT_SECONDS : null;
    $attributes = [
        'src' => LAPSE_URL . '/lapse.js',
        'data-site' => LAPSE_SITE,
        'data-idle-timeout-seconds' => $idle_timeout,
        // The editor's requests extend the session, but the heartbeat does not (see idle-timeout.php).
        'data-requests' => $idle_timeout ? 'wp-json|rest_route' : null,
        'data-state' => $session ? 'active' : 'absent',
        'data-subject' => $session ? $user_id : null,
        'data-session' => $session['lapse_alias'] ?? null,
    ];
    echo '<script defer';
    foreach (array_filter($attributes) as $name => $value) {
        printf(' %s="%s"', $name, esc_attr($value));
    }
    echo "></script>\n";
}

foreach (['wp_footer', 'admin_footer', 'login_footer'] as $hook) {
    add_action($hook, 'lapse_print_tag');
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
