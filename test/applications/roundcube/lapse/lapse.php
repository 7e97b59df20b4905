<?php

/**
 * Tells Lapse which pages have a session. Copy this folder to plugins/, and add 'lapse' to $config['plugins'].
 *
 * In config.inc.php, set $config['lapse_url'] (the collector) and $config['lapse_site'] (the site in its configuration).
 */
class lapse extends rcube_plugin
{
    private rcmail $rcmail;
    private bool $isExpired = false;

    public function init(): void
    {
        $this->rcmail = rcmail::get_instance();
        $this->add_hook('startup', [$this, 'rememberExpiry']);
        $this->add_hook('login_after', [$this, 'createAlias']);
        $this->add_hook('logout_after', [$this, 'removeMarker']);
        $this->add_hook('render_page', [$this, 'addTag']);
    }

    /** Roundcube signs out even if the session has expired, so check before it does. */
    public function rememberExpiry(array $args): array
    {
        if ($args['task'] === 'logout' && !empty($_SESSION['user_id'])) {
            $this->isExpired = !$this->rcmail->session->check_auth();
        }
        return $args;
    }

    /** The alias is a random id in the session's data. The session's own id must stay secret. */
    public function createAlias(array $args): array
    {
        $_SESSION['lapse_alias'] = bin2hex(random_bytes(16));
        return $args;
    }

    /** After a timeout, the marker stays, and the login page reports the timeout. */
    public function removeMarker(array $args): array
    {
        if (!$this->isExpired) {
            setcookie('lapse-' . $this->rcmail->config->get('lapse_site'), '', ['expires' => 1, 'path' => '/']);
        }
        return $args;
    }

    public function addTag(array $args): array
    {
        $user = $this->rcmail->user->ID;
        $attributes = [
            'src' => $this->rcmail->config->get('lapse_url') . '/lapse.js',
            'defer' => true,
            'data-site' => $this->rcmail->config->get('lapse_site'),
            // The session ends between this time and half as much more. The site's refreshSeconds are that half.
            'data-idle-timeout-seconds' => $this->rcmail->config->get('session_lifetime') * 60,
            'data-state' => $user ? 'active' : 'absent',
            'data-subject' => $user,
            'data-session' => $user ? ($_SESSION['lapse_alias'] ?? null) : null,
        ];
        $this->rcmail->output->add_footer(html::tag('script', $attributes, ''));
        return $args;
    }
}
