<?php
/**
 * Plugin Name: Idle timeout
 * Description: Ends a session after LAPSE_IDLE_TIMEOUT_SECONDS without a page or a request of the editor.
 *
 * WordPress itself has no idle timeout: its sessions end at a fixed time after the sign-in. This plugin shortens that
 * time, and extends the session with each request but those of admin-ajax.php, such as the heartbeat.
 */

defined('ABSPATH') || exit;

if (!defined('LAPSE_IDLE_TIMEOUT_SECONDS')) {
    return;
}

add_filter('auth_cookie_expiration', fn (): int => LAPSE_IDLE_TIMEOUT_SECONDS);

add_action('init', function (): void {
    $user_id = get_current_user_id();
    if (!$user_id || wp_doing_ajax() || wp_doing_cron() || ($_REQUEST['action'] ?? '') === 'logout') {
        return;
    }
    $token = wp_get_session_token();
    $sessions = WP_Session_Tokens::get_instance($user_id);
    $session = $sessions->get($token);
    // A request with an application password has a user, but no session.
    if (!$session) {
        return;
    }
    $sessions->update($token, ['expiration' => time() + LAPSE_IDLE_TIMEOUT_SECONDS] + $session);
    wp_set_auth_cookie($user_id, false, '', $token);
});
